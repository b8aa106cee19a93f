"""Ingesters: write data sets, and the simulator's output, to the tables of the lake."""
