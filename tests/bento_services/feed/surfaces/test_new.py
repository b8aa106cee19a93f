"""What was published lately."""

from __future__ import annotations

from worlds.arithmetic import DAY_US, NOW_US
from worlds.surfaces import VIDEOS, asked, ids

from bento_services.feed.feed import Feed


def test_what_is_new_is_no_older_than_a_month_and_in_the_viewers_order(feed: Feed) -> None:
    pages = {user_id: ids(asked(feed, "new", user_id=user_id, limit=50)) for user_id in ("u004", "u013")}
    for video_id in (video_id for page in pages.values() for video_id in page):
        assert NOW_US - VIDEOS[video_id]["published_timestamp_us"] <= 30 * DAY_US
    common = [[one for one in page if one in set(pages["u004"]) & set(pages["u013"])] for page in pages.values()]
    assert common[0] != common[1]
