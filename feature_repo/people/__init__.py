"""People: everything that a home holds of one viewer, to be given out or erased."""
