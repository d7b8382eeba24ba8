"""What a customer sees: campaigns, the choice of blocks and products, and the rendered e-mail."""
