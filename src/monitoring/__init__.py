"""Watching what goes in and comes out: drift of features and scores."""
