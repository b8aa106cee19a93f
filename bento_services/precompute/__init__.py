"""Recommendations made outside of a request."""
