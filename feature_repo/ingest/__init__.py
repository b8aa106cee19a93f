"""Foreign data, and the simulator, into the schema of the lake."""
