"""A release on disk: what it holds, verified before it is parsed."""
