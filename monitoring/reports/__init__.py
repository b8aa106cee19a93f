"""What a report is made of, and when."""
