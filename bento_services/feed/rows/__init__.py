"""Rows of a page: one file per kind of row. Which rows a surface has, and their words, is in surfaces/."""
