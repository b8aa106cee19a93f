"""What is asked for: one file per surface, each a recipe of sources, rows and a ladder."""
