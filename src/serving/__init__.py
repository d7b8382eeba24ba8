"""The HTTP service: predictions, recommendations and finished content at the moment of sending."""
