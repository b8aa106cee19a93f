"""Recommendations outside of a request."""
