"""Commands: learning."""
