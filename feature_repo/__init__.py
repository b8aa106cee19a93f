"""What we know: definitions of features, the lake, the online store and the stream that keeps it fresh."""
