"""Building a page from a ranked list: hard filters, diversity, exploration, exposure prices."""
