"""Shapes of bodies and answers specific to HTTP; those of pages are in feed/page.py."""
