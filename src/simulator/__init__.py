"""A shop with known truth: events as the contract has them, and beside them what made them."""
