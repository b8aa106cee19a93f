"""HTML pages where Evidently has none. They load nothing and run nothing."""
