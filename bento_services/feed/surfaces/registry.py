"""All surfaces. To add one, write its file and add a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from bento_services.feed.compose import Recipe
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import HOME
from bento_services.feed.surfaces import (
    area,
    because,
    category,
    continue_watching,
    home,
    new,
    onboarding,
    rank,
    search,
    similar,
    trending,
    up_next,
)
from models.candidates.sources.resume import RESUME
from models.candidates.sources.trending import TRENDING

SURFACES: Mapping[str, Callable[[FeedConfig], Recipe]] = {
    HOME: home.recipe,
    TRENDING: trending.recipe,
    new.NEW: new.recipe,
    category.CATEGORY: category.recipe,
    RESUME: continue_watching.recipe,
    because.BECAUSE: because.recipe,
    area.AREA: area.recipe,
    onboarding.ONBOARDING: onboarding.recipe,
    rank.RANK: rank.recipe,
    search.SEARCH: search.recipe,
    similar.SIMILAR: similar.recipe,
    up_next.UP_NEXT: up_next.recipe,
}

# Those that `recommendations?surface=` answers; the others have addresses of their own.
Listed = Literal["home", "trending", "new", "category", "continue_watching", "because", "area"]
LISTED: tuple[str, ...] = get_args(Listed)
