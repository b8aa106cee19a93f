"""What we know: feature definitions, the lake, the online store and the stream that keeps it fresh."""
