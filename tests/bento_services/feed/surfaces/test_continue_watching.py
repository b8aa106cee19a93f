"""What was begun, the latest first."""

from __future__ import annotations

from worlds.surfaces import USERS, asked, ids

from bento_services.feed.feed import Feed


def test_what_was_begun_last_stands_first(feed: Feed) -> None:
    begun = zip(USERS["u004"]["history_video_ids"], USERS["u004"]["history_watch_fractions"], strict=True)
    page = asked(feed, "continue_watching", user_id="u004")
    assert ids(page) == [video_id for video_id, fraction in reversed(list(begun)) if fraction < 0.9]
    assert {item.reason for item in page.recommendations} == {"50 % watched"}
