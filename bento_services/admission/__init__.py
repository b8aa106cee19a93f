"""Who may ask what, and in what form: keys, limits, the context of a request, the shape of an error."""
