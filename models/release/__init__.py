"""A release on disk: its parts, its manifest, verified loading."""
