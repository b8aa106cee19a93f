"""Row selectors, one file per kind of row. surfaces/ declares the rows of each surface, and their words."""
