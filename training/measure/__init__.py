"""Metrics of rankings and of probabilities."""
