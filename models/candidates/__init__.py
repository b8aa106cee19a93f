"""Which videos are considered: neighbours, factors, popularity, heuristics and their fusion."""
