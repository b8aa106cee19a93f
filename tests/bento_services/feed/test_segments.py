"""Who shares a list: the same country, language, device, part of day, age group and maturity limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.segments import Segment, segment_of
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge, Known, viewer_of

READER, CONFIG = feed_world.big_reader(), FeedConfig()


def of(user_id: str, now_us: int = NOW_US, **query: Any) -> Segment:
    asked = Query(user_id=user_id, **query)
    viewer = ViewerFeatures(READER, CONFIG).read(asked, now_us)
    return segment_of(Request(asked, now_us, viewer, READER.snapshot(), feed_world.BIG, seed=0))


def test_viewers_alike_share_a_segment_whatever_they_have_watched() -> None:
    assert of("u001") == of("u003")  # both from the US
    assert of("u001") == replace(of("u001", NOW_US + 1), query=of("u001").query)


def test_each_part_of_it_makes_another_segment() -> None:
    users = READER.users_by_id
    users["pole"] = {**users["u001"], "user_language": "pl"}
    names = [
        of("u001").name,
        of("pole").name,  # another language
        of("u002").name,  # another country
        of("u001", device="tv").name,
        of("u001", utc_offset_minutes=12 * 60).name,
        of("nobody", country="US").name,  # another age group and limit
    ]
    assert len(set(names)) == len(names)
    assert of("u001", country="DE").name == of("u002").name


def test_a_list_of_a_segment_is_made_for_somebody_of_that_segment_and_never_for_more_than_its_limit() -> None:
    for user_id in ("u001", "nobody", ""):
        segment = of(user_id, device="tv")
        viewer = viewer_of([Known(segment.viewer, Knowledge.CURRENT)], segment.query, NOW_US, CONFIG)
        request = Request(segment.query, NOW_US, viewer, READER.snapshot(), feed_world.BIG, seed=0)
        assert segment_of(request).name == segment.name
        assert viewer.history_ids == []
