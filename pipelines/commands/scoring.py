"""Commands: scoring."""
