"""The home page: which rows it has, in which order, and what stands in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query, Row
from feature_repo.store.memory import MemoryReader


@pytest.fixture(scope="module")
def feed() -> Feed:
    config = FeedConfig(deadline_ms=60_000)
    return build_feed(feed_world.big_release(), feed_world.big_reader(), None, config, now_us=lambda: NOW_US)


def rows_of(page: Page) -> dict[str, Row]:
    return {row.row_id: row for row in page.rows}


def test_a_viewer_with_a_history_has_the_personal_rows(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004"))
    rows = [row.row_id for row in page.rows]
    assert rows[:2] == ["continue_watching", "top_picks"]
    assert {"trending", "new_releases", "explore"} < set(rows)
    assert sum(row.startswith("because_you_watched:") for row in rows) == 2
    assert "popular" not in rows
    assert rows_of(page)["top_picks"].items == page.recommendations


def test_a_new_viewer_has_what_is_popular_and_nothing_to_continue(feed: Feed) -> None:
    rows = rows_of(feed.page(Query(user_id="nobody")))
    assert {"top_picks", "popular", "trending", "new_releases", "explore"} == set(rows)


def test_rows_after_the_fixed_ones_stand_by_their_promise(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004"))
    promises = [np.mean([item.score for item in row.items[:5]]) for row in page.rows[2:]]
    assert promises == sorted(promises, reverse=True)


def test_each_row_holds_what_its_title_says(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004"))
    videos, users = feed_world.big_videos(), feed_world.big_users()
    rows = rows_of(page)
    for item in rows["new_releases"].items:
        assert NOW_US - videos[item.video_id]["published_timestamp_us"] <= 30 * feed_world.DAY_US
    trends = [videos[item.video_id]["watch_decayed_1d"] for item in rows["trending"].items]
    assert trends == sorted(trends, reverse=True)
    begun = dict(zip(users["u004"]["history_video_ids"], users["u004"]["history_watch_fractions"], strict=True))
    unfinished = [video_id for video_id, fraction in reversed(begun.items()) if fraction < 0.9]
    assert [item.video_id for item in rows["continue_watching"].items] == unfinished
    similar = next(row for row in page.rows if row.row_id.startswith("because"))
    anchor = similar.row_id.split(":")[1]
    assert videos[anchor]["title"] in similar.title
    neighbours = dict(feed_world.big_release().item_cf.neighbours(anchor, 50))
    assert all(item.video_id in neighbours for item in similar.items)


def test_nothing_is_trending_or_popular_that_few_have_watched() -> None:
    """Every 50th video has 10 watches in a day or month, each other one at most one."""
    videos = feed_world.big_videos()
    many = set(sorted(videos)[::50])
    for video_id, video in videos.items():
        video |= dict.fromkeys(("watch_decayed_1d", "video_watch_count_30d"), 10.0 if video_id in many else 0.9)
        video["video_watch_count"] = 1
    reader = MemoryReader(BIG, feed_world.big_users(), videos)
    feed = build_feed(feed_world.big_release(), reader, None, FeedConfig(deadline_ms=60_000), now_us=lambda: NOW_US)
    claimed: dict[str, set[str]] = {}
    for user_id in ("u004", "u013", "nobody"):
        for row in feed.page(Query(user_id=user_id)).rows:
            for item in row.items:
                for claim in {row.title, item.reason} & {"Trending now", "Popular now"}:
                    claimed.setdefault(claim, set()).add(item.video_id)
    assert len(claimed["Trending now"]) > 2
    assert claimed["Trending now"] <= many
    assert rows_of(feed.page(Query(user_id="nobody")))["popular"].items


def test_something_different_is_far_from_the_usual(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004"))
    favourite = feed_world.BIG.genres[4]
    explored = rows_of(page)["explore"]
    assert not any(favourite in item.genres for item in explored.items)
    assert {item.reason for item in explored.items} == {"Something different"}


def test_a_flat_list_has_no_rows_beside_it(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004", rows=False))
    assert [row.row_id for row in page.rows] == ["more"]


def test_every_recommendation_says_what_the_catalog_says(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004"))
    for item in page.recommendations:
        video = feed_world.big_videos()[item.video_id]
        assert (item.title, item.channel, item.duration) == (
            video["title"],
            video["creator_name"],
            video["duration_seconds"],
        )
        assert item.view_count == video["video_watch_count"]
        assert list(item.genres) == video["genres"]
        assert item.source in item.sources
    assert page.recommendations[0].trace is None


def test_an_explained_item_shows_sources_scores_and_the_features_that_were_ranked(feed: Feed) -> None:
    page = feed.page(Query(user_id="u004", explain=True))
    trace: Any = page.recommendations[0].trace
    assert set(trace) == {"sources", "scores", "propensity", "features"}
    assert set(trace["sources"]) == set(page.recommendations[0].sources)
    assert trace["features"]["two_tower_score"] == pytest.approx(trace["scores"]["two_tower_score"])
    assert trace["features"]["country"] == "DE"
    assert trace["scores"]["score"] == page.recommendations[0].score


def test_the_order_is_the_rankers_beside_retrievals_by_the_weight_of_the_release() -> None:
    plain = FeedConfig(deadline_ms=60_000, explore=False, diversify=False)

    def two_tower_score(retrieval: float) -> float:
        release = feed_world.big_release()
        feed_world.parts_of(release).ranker.retrieval = retrieval
        feed = build_feed(release, feed_world.big_reader(), None, plain, now_us=lambda: NOW_US)
        page = feed.page(Query(user_id="u001", limit=20, explain=True))
        assert page.served_by == "full_funnel"
        return float(sum((item.trace or {})["scores"]["two_tower_score"] for item in page.recommendations))

    assert two_tower_score(0.0) < two_tower_score(0.5) < two_tower_score(10.0)
