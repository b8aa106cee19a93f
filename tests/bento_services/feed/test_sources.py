"""Sources as stages of a page: their sizes, and what happens when one breaks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.parts import Parts
from bento_services.feed.sources import sized, stages
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL
from feature_repo.store.memory import MemoryReader
from models.candidates.sources import content, series, trending
from models.candidates.sources.registry import SOURCES
from models.release.artifact import Release

COUNT = 150
VIDEOS, USERS = feed_world.big_videos(COUNT), feed_world.big_users(videos=COUNT)
READER = MemoryReader(feed_world.BIG, {**USERS, "new": {"signup_timestamp_us": NOW_US - 1}}, VIDEOS)


@pytest.fixture(scope="module")
def release() -> Release:
    return feed_world.with_all_sources(feed_world.big_release(COUNT), VIDEOS, USERS)


def test_with_a_fusion_a_source_goes_deep_and_without_one_it_brings_what_it_may(release: Release) -> None:
    small, whole = Parts(feed_world.big_release(COUNT)), Parts(release)
    for spec, plain, fused in ((trending.SPEC, 60, 1000), (series.SPEC, 10, 10)):
        one, other = sized(spec, small, {}), sized(spec, whole, {})
        assert one is not None
        assert other is not None
        assert (one.size, other.size) == (plain, fused)


def test_an_operator_may_change_a_size(release: Release) -> None:
    stage = sized(trending.SPEC, Parts(release), {trending.TRENDING: 3})
    assert stage is not None
    assert stage.size == 3


def test_a_source_whose_model_the_release_lacks_is_not_asked() -> None:
    parts = Parts(feed_world.big_release(COUNT))
    assert sized(content.SPEC, parts, {}) is None
    assert [stage.name for stage in stages(SOURCES, parts, {})] == [
        "two_tower", "item_item", "next_in_series", "creators", "followed", "trending", "new_releases",
        "explore", "owed", "popular",
    ]  # fmt: skip


def test_every_source_of_a_candidate_is_told(release: Release) -> None:
    feed = build_feed(release, READER, None, FeedConfig(explore=False), now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="u001", limit=20, log=False))
    assert page.served_by == FULL_FUNNEL
    assert not page.warnings
    told = {source for row in page.rows for item in row.items for source in item.sources}
    assert {"two_tower", "item_item", "matrix_factorization", "content", "popular_in_area", "popular"} <= told


def test_a_source_that_breaks_leaves_the_page_whole(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no factors")

    monkeypatch.setattr("models.candidates.matrix_factorization.MatrixFactorization.user_vectors", broken)
    feed = build_feed(release, READER, None, now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="u001", limit=20, log=False))
    assert (page.served_by, len(page.recommendations)) == (FULL_FUNNEL, 20)
    assert page.warnings == ("matrix_factorization left out: OSError",)


@pytest.mark.parametrize("who", [Query(user_id="nobody"), Query(session_id="s-1"), Query()])
def test_a_first_watch_changes_the_page_of_whoever_watches(release: Release, who: Query) -> None:
    """A new user, an anonymous session and a request without any id are answered alike."""
    feed = build_feed(release, READER, None, FeedConfig(explore=False), now_us=lambda: NOW_US)
    before = feed.page(replace(who, log=False, request_id="a"))
    after = feed.page(replace(who, log=False, request_id="a", last_watched_item_id="v00010"))
    assert before.served_by == after.served_by == FULL_FUNNEL
    first, second = ({item.video_id for item in page.recommendations} for page in (before, after))
    assert len(first & second) <= 15
    assert "v00010" not in second
