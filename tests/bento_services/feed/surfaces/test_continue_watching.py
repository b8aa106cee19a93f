"""What was begun, the latest first."""

from __future__ import annotations

from worlds.arithmetic import BIG
from worlds.surfaces import USERS, VIDEOS, asked, built, ids

from bento_services.feed.feed import Feed
from feature_repo.store.memory import MemoryReader


def test_what_was_begun_last_stands_first(feed: Feed) -> None:
    begun = zip(USERS["u004"]["history_video_ids"], USERS["u004"]["history_watch_fractions"], strict=True)
    page = asked(feed, "continue_watching", user_id="u004")
    assert ids(page) == [video_id for video_id, fraction in reversed(list(begun)) if fraction < 0.9]
    assert {item.reason for item in page.recommendations} == {"50 % watched"}


def test_the_latest_stands_first_however_little_of_it_was_watched() -> None:
    watched = {"history_video_ids": ["v00001", "v00002", "v00003"], "history_watch_fractions": [0.4, 0.8, 0.1]}
    user = {**USERS["u004"], **watched, "history_timestamps_us": [1, 2, 3], "seen_video_ids": []}
    feed = built(MemoryReader(BIG, {"u": user}, VIDEOS))
    assert ids(asked(feed, "continue_watching", user_id="u")) == ["v00003", "v00002", "v00001"]
    feed.close()
