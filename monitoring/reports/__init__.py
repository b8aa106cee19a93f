"""Reports: measurements of a home, and the pages about them."""
