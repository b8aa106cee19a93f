"""Measures: feature drift, embedding drift, quality and diversity."""
