"""The way of clients' events into the log."""
