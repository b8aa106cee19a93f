"""People: what a service does about one viewer on request, and whom it has to forget."""
