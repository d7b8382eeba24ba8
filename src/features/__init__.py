"""Features: what is known about a customer strictly before an instant, defined once."""
