"""What is known of each customer at the moment of sending: snapshots and the decision log."""
