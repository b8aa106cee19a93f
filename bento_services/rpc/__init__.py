"""The gRPC protocol: the same answers as over HTTP."""
