"""Benchmarks: `python -m benchmarks.NAME [--quick]`. They print figures; they judge nothing."""
