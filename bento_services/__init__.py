"""How we serve it: BentoML services, gRPC, the page."""
