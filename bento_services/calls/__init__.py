"""What clients of the HTTP API ask, once for both: each request, the type of its answer, when it is sent again."""
