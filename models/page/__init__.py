"""From a ranked list to a page: hard filters, diversity, exploration, exposure prices."""
