"""What customers allowed: the consent ledger."""
