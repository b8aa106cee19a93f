"""Recommendations computed outside a request."""
