"""The gRPC protocol: the same answers as HTTP gives."""
