"""What is watched most right now."""

from __future__ import annotations

from worlds.surfaces import VIDEOS, asked, ids

from bento_services.feed.feed import Feed


def test_what_is_trending_stands_by_its_watches(feed: Feed) -> None:
    trends = [VIDEOS[video_id]["watch_decayed_1d"] for video_id in ids(asked(feed, "trending", user_id="u004"))]
    assert trends == sorted(trends, reverse=True)
