"""Commands: sending."""
