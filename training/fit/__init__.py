"""Models are fitted: two-tower, ranker, trees, sources and their fusion."""
