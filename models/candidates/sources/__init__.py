"""Candidate sources, one file each; serving and evaluation run the same code."""
