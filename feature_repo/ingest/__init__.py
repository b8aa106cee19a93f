"""Data sets, and the simulator, into the tables of the lake."""
