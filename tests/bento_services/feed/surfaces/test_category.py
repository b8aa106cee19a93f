"""A category: all of it, in the viewer's order."""

from __future__ import annotations

from worlds.surfaces import DRAMA, USERS, VIDEOS, asked, category, ids

from bento_services.feed.feed import Feed


def test_all_of_a_category_can_be_paged_to(feed: Feed) -> None:
    expected = {
        video_id
        for video_id, video in VIDEOS.items()
        if category(video_id) == DRAMA and not video["countries"] and video_id not in USERS["u004"]["seen_video_ids"]
    }
    found: set[str] = set()
    cursor: str | None = ""
    while cursor is not None and (page := asked(feed, "category", cursor, user_id="u004")):
        found |= set(ids(page))
        cursor = page.cursor or None
    assert found == expected


def test_a_category_is_in_the_viewers_order(feed: Feed) -> None:
    orders = {tuple(ids(asked(feed, "category", user_id=f"u{number:03}"))) for number in range(1, 9)}
    assert len(orders) > 4
