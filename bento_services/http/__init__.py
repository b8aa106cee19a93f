"""The HTTP protocol: routes, the edge in front of them, the web page."""
