"""Commands: reporting."""
