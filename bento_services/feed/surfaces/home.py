"""The home page."""

HOME = "home"
