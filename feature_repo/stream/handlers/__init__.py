"""What is done with the records of the log: features are folded, the lake is written."""
