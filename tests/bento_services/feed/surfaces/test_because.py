"""What is like what was watched."""

from __future__ import annotations

from worlds.surfaces import USERS, VIDEOS, asked

from bento_services.feed.feed import Feed


def test_because_names_a_watched_video(feed: Feed) -> None:
    titles = {VIDEOS[video_id]["title"] for video_id in USERS["u004"]["history_video_ids"]}
    reasons = {item.reason for item in asked(feed, "because", user_id="u004").recommendations}
    assert reasons <= {f"Because you watched “{title}”" for title in titles}
