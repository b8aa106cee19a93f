"""Made from rpc/marquee.proto by `make proto`."""
