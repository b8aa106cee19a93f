"""Event intake, from clients to the log."""
