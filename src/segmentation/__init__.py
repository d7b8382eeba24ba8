"""Who belongs to which group by readable rules, and who moved."""
