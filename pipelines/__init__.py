"""Pipelines compose the rooms. Each is one function; the commands only parse and print."""
