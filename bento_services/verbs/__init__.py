"""What HTTP and gRPC ask of the engine in the same words, where that takes more than one call of it."""
