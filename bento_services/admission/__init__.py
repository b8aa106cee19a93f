"""Admission: API keys, limits, request context, the shape of errors."""
