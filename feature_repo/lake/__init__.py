"""The offline tables and the point-in-time join over them."""
