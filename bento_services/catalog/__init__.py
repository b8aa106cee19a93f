"""The API of the catalog: what HTTP and gRPC answer about videos, and what they take."""
