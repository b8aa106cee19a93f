"""HTML pages, written by hand where Evidently has none."""
