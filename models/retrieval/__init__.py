"""The two-tower model, its losses, its content encoder and its index."""
