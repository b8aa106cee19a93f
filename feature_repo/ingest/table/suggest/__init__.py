"""Looks at files of which nothing is known, and writes a mapping for them that says what is unsure."""
