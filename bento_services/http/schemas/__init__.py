"""Shapes of bodies and answers that HTTP alone has; the page's own are the feed's."""
