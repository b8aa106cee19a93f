"""Candidate sources, one file each; serving and the recall that training measures run the same code."""
