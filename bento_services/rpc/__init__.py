"""The gRPC protocol, with the same answers as HTTP."""
