"""Fitting: two-tower model, ranker, trees, sources and their fusion."""
