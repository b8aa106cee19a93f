"""The processes: BentoML services, what starts and watches them, and the Bento that holds them."""
