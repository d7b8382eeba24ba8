"""Commands: importing."""
