"""How much work one process takes on at once, and who does it."""
