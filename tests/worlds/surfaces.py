"""Surfaces of the bigger world made by arithmetic, and who asks for them."""

from __future__ import annotations

from typing import Any

from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.feed.surfaces.registry import LISTED
from feature_repo.store.memory import MemoryReader
from models.catalog import Subject

DRAMA = "Genre 3"
VIDEOS = feed_world.big_videos()
USERS = feed_world.big_users()
USERS["kid"] = {**USERS["u004"], "maturity_limit": 7, "country": "US"}
LISTS = tuple(surface for surface in LISTED if surface != "home")
VIEWERS: dict[str, Any] = {
    "known": {"user_id": "u004"},
    "unknown": {"user_id": "nobody"},
    "session": {"session_id": "s-1"},
}
VIEWERS |= {"kid": {"user_id": "kid"}, "anonymous": {}}


def built(reader: MemoryReader | None = None, release: Any = None) -> Feed:
    whole = release or feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
    config = FeedConfig(deadline_ms=60_000)
    return build_feed(whole, reader or MemoryReader(BIG, USERS, VIDEOS), None, config, now_us=lambda: NOW_US)


def asked(feed: Feed, surface: str, cursor: str | None = "", limit: int = 10, **said: Any) -> Page:
    category = said.pop("category", DRAMA if surface == "category" else "")
    subject = Subject(category=category)
    return feed.page(Query(rows=False, limit=limit, cursor=cursor or "", subject=subject, **said), surface)


def ids(page: Page) -> list[str]:
    return [item.video_id for item in page.recommendations]


def category(video_id: str) -> str:
    return str(VIDEOS[video_id]["genres"][0])
