"""What every room may use: column names, errors, the clock, ids and settings."""
