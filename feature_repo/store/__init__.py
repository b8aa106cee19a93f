"""The online store: server, layout and readers."""
