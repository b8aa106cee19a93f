"""The catalog: the source of truth of what is known about each video, in a relational database."""
