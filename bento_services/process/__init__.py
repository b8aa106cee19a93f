"""Processes: BentoML services, their supervisor, and the Bento that packages them."""
