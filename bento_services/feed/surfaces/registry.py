"""All surfaces. To add one, write its file and add a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bento_services.feed.compose import Recipe
from bento_services.feed.config import FeedConfig
from bento_services.feed.surfaces import home

SURFACES: Mapping[str, Callable[[FeedConfig], Recipe]] = {
    home.HOME: home.recipe,
}
