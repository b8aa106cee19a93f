"""The full text of the catalog as arrays: words, where each occurs, and what a search finds there."""
