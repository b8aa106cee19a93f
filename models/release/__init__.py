"""A release on disk: its parts, its manifest, and loading it verified."""
