"""One file per surface, each a recipe of sources, rows and a ladder."""
