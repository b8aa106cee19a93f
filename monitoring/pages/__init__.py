"""HTML pages that Evidently does not have: static, without scripts or external resources."""
