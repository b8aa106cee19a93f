"""What a request may do and must look like: keys, limits, context, the shape of an error."""
