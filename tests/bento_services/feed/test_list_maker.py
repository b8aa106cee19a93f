"""Lists are the full funnel's order, of nothing but what they are made from."""

from __future__ import annotations

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.errors import StageFailed
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.precompute.bases import maker_of

CONFIG = FeedConfig(deadline_ms=60_000, explore=False, diversify=False)
USERS = [f"u{number:03}" for number in range(12)]


def test_a_list_begins_as_the_full_funnel_does() -> None:
    release, reader = feed_world.big_release(), feed_world.big_reader()
    maker = maker_of(release, CONFIG)
    feed = build_feed(release, reader, None, CONFIG, now_us=lambda: NOW_US)
    for features, made in zip(
        reader.users(USERS), maker.make(reader.users(USERS), reader.snapshot(), NOW_US), strict=True
    ):
        page = feed.page(Query(user_id=features.user_id, limit=1, rows=False, log=False))
        assert made.video_ids[0] == page.recommendations[0].video_id
        assert len(set(made.video_ids)) == len(made.video_ids) > 100
        assert (made.release_id, made.made_us, made.viewer_us) == (release.release_id, NOW_US, features.as_of_us)
    feed.close()


def test_a_list_does_not_depend_on_who_else_is_in_the_batch_and_is_the_same_twice() -> None:
    reader, maker = feed_world.big_reader(), maker_of(feed_world.big_release(), CONFIG)
    together = maker.make(reader.users(USERS), reader.snapshot(), NOW_US)
    alone = [maker.make([one], reader.snapshot(), NOW_US)[0] for one in reversed(reader.users(USERS))]
    assert together == alone[::-1]
    assert len({one.video_ids for one in together}) > 6


def test_a_list_holds_nothing_that_the_viewer_may_not_see() -> None:
    reader, maker = feed_world.toy_reader(), maker_of(feed_world.toy_release(), CONFIG)
    reader.taken_down = {"v08"}
    reader.refresh()
    for features, made in zip(
        reader.users(["heavy", "kid", "abroad", "sated"]),
        maker.make(reader.users(["heavy", "kid", "abroad", "sated"]), reader.snapshot(), NOW_US),
        strict=True,
    ):
        hidden = {*features.values["seen_video_ids"], *features.values["hidden_video_ids"], "v08"}
        assert hidden.isdisjoint(made.video_ids)


def test_a_list_is_as_long_as_it_is_set() -> None:
    reader = feed_world.big_reader()
    maker = maker_of(feed_world.big_release(), FeedConfig(list_length=7))
    (made,) = maker.make(reader.users(["u001"]), reader.snapshot(), NOW_US)
    assert len(made.video_ids) == 7


def test_a_model_that_breaks_gives_no_list_of_something_else() -> None:
    release, reader = feed_world.toy_release(), feed_world.toy_reader()
    feed_world.parts_of(release).ranker.broken = RuntimeError()
    with pytest.raises(StageFailed):
        maker_of(release, CONFIG).make(reader.users(["heavy"]), reader.snapshot(), NOW_US)
