"""Events from clients into the log."""
