"""The online store: its server, its layout, and the readers of it."""
