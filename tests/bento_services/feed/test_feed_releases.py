"""A feed from one release to the next: a new one is made warm, the one before stays so, a bad one changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from models.page.policy import PolicyError

SECOND, THIRD, FOURTH = "r-00000000000b", "r-00000000000c", "r-00000000000d"


@contextmanager
def toy_feed() -> Iterator[Feed]:
    patient = FeedConfig(deadline_ms=60_000)
    feed = build_feed(feed_world.toy_release(), feed_world.toy_reader(), None, patient, now_us=lambda: NOW_US)
    try:
        yield feed
    finally:
        feed.close()


def test_a_switch_answers_with_the_new_release_and_a_bad_policy_keeps_the_old_one(tmp_path: Any) -> None:
    with toy_feed() as feed:
        first = feed.release_id
        feed.keep_warm(feed_world.toy_release(release_id=SECOND))
        assert feed.page(Query(user_id="heavy")).release_id == feed.release_id == first
        feed.switch(SECOND)
        assert feed.page(Query(user_id="heavy")).release_id == feed.release_id == SECOND
        bad = tmp_path / "policy.toml"
        bad.write_text("version = 'x'\n[caps]\nmax_per_creator = 0\nrelaxation = []\n")
        with pytest.raises(PolicyError, match=r"policy\.toml"):
            feed.keep_warm(feed_world.toy_release(release_id=THIRD, policy=bad))
        assert feed.page(Query(user_id="heavy")).release_id == SECOND
        assert not feed.is_warm(THIRD)


def test_the_release_before_is_warm_and_older_ones_are_dropped() -> None:
    with toy_feed() as feed:
        first = feed.release_id
        for release_id in (SECOND, THIRD):
            feed.keep_warm(feed_world.toy_release(release_id=release_id))
            feed.switch(release_id)
        assert [feed.is_warm(one) for one in (first, SECOND, THIRD)] == [False, True, True]
        feed.switch(SECOND)  # back, without loading anything
        feed.keep_warm(feed_world.toy_release(release_id=FOURTH))
        assert [feed.is_warm(one) for one in (SECOND, THIRD, FOURTH)] == [True, True, True]
        feed.switch(FOURTH)
        assert [feed.is_warm(one) for one in (SECOND, THIRD, FOURTH)] == [True, False, True]
