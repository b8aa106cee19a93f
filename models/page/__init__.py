"""What makes a list a page: diversity, exploration, exposure prices."""
