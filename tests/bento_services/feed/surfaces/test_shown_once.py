"""Of what is the same thing twice every surface shows one, but for that which orders the videos that are named."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, NOW_US
from worlds.surfaces import USERS, VIDEOS, built

from bento_services.feed.certificate import verify
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from bento_services.feed.subject import Named, example
from bento_services.feed.surfaces.rank import RANK
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.store.memory import MemoryReader
from models.catalog import Subject

TWINS = {
    video_id: {**video, "title": f"Film {at // 2}", "published_timestamp_us": NOW_US - (1 + at // 2) * 3_600_000_000}
    for at, (video_id, video) in enumerate(VIDEOS.items())
}
TITLES = {video_id: video["title"] for video_id, video in TWINS.items()}
BEGUN = list(TWINS)[20:40]


def begun_by() -> dict[str, Any]:
    """A viewer who has begun both of ten films."""
    history = {
        "history_video_ids": BEGUN,
        "history_timestamps_us": [NOW_US - 1_000_000 * at for at in range(len(BEGUN), 0, -1)],
        "history_watch_fractions": [0.5] * len(BEGUN),
    }
    return {**USERS["u004"], **history, "maturity_limit": 18}


@pytest.fixture(scope="module")
def feed() -> Feed:
    users = {**USERS, "both": begun_by()}
    release = feed_world.with_all_sources(feed_world.big_release(), TWINS, users)
    return built(MemoryReader(BIG, users, TWINS), release)


@pytest.mark.parametrize("surface", [name for name in SURFACES if name != RANK])
@pytest.mark.parametrize("viewer", ["both", "u004", ""])
def test_no_page_shows_a_title_twice(feed: Feed, surface: str, viewer: str) -> None:
    names = SURFACES[surface](FeedConfig()).names
    subject = Subject(text="film") if names is Named.TEXT else example(names, MemoryReader(BIG, {}, TWINS).snapshot())
    page = feed.page(Query(user_id=viewer, subject=subject, limit=20, country="US"), surface)
    shown = [TITLES[item.video_id] for row in page.rows for item in row.items]
    assert len(shown) == len(set(shown))
    assert shown or viewer != "both" or surface in ("because", "area")
    assert verify(page.to_json()) == []
