"""Candidate generation: neighbours, factors, popularity, heuristics and their fusion."""
