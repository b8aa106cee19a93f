"""Reports: what is measured of a home, and the pages that are written of it."""
