"""How we know: drift, quality and diversity of what is recommended, and a page for each release."""
