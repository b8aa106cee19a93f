"""A new video is owed what it is behind its plan; what all are owed is a share of what is shown at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.compute.fold import DAY_US
from feature_repo.core.home import World
from feature_repo.store.memory import MemoryReader
from feature_repo.store.shown import KEPT_DAYS
from feature_repo.store.snapshot import VideoSnapshot
from models.page import delivery
from models.page.delivery import FASTEST, LONGEST_DAYS, NOTHING_OWED, Promise, delivery_of, pace_of, target_of
from models.page.exploration import mixed, with_least

NOW_US = 100 * DAY_US
WORLD = World("w", "simulator", "str", ("Drama",))
PROMISE = Promise(impressions=100, days=10.0, most=0.5, share=0.5, small=0.5, small_share=0.3)


def video(age_days: float, creator: str, watches: float = 0.0, shown: float = 0.0) -> dict[str, Any]:
    return {
        "published_timestamp_us": NOW_US - round(age_days * DAY_US),
        "creator_id": creator,
        "video_watch_count_30d": watches,
        "video_impression_count_7d": shown,
    }


def catalog(**videos: dict[str, Any]) -> VideoSnapshot:
    return MemoryReader(WORLD, {}, videos).snapshot()


def test_pace_is_what_is_left_over_what_was_planned_for_the_time_that_is_left() -> None:
    shown, age = np.array([0.0, 50.0, 0.0, 100.0, 120.0, 0.0]), np.array([0.0, 5.0, 5.0, 5.0, 1.0, 9.99])
    assert pace_of(PROMISE, 100.0, shown, age).tolist() == pytest.approx([1.0, 1.0, 2.0, 0.0, 0.0, FASTEST])


def test_the_less_is_shown_at_all_the_less_each_is_promised() -> None:
    assert target_of(PROMISE, 1e6, 10) == 100
    assert target_of(PROMISE, 40.0, 10) == 0.5 * 40 * 10 / 10
    assert target_of(PROMISE, 0.0, 0) == 0.0


def test_of_the_counts_live_and_in_the_features_the_larger_counts() -> None:
    videos = catalog(
        old=video(11, "a", shown=900.0),
        fed=video(5, "a", shown=80.0),
        live=video(5, "b", shown=1.0),
        soon=video(-1, "b"),
        done=video(5, "b"),
    )
    found = delivery_of(PROMISE, videos, NOW_US, {"fed": 3, "live": 50, "done": 100, "gone": 5}, 1_000.0)
    assert [videos.video_ids[row] for row in found.new] == ["done", "fed", "live"]
    assert found.target == 100
    assert found.shown.tolist() == [100.0, 80.0, 50.0]
    assert found.pace_of_new.tolist() == pytest.approx([0.0, 0.4, 1.0])
    assert found.share == pytest.approx(0.5 * 1.4 / 3)
    rows, pace = found.owed(videos)
    assert [videos.video_ids[row] for row in rows] == ["fed", "live"]
    assert pace.tolist() == pytest.approx([0.4, 1.0])
    assert found.pace(videos, np.array([0, 3, 2])).tolist() == pytest.approx([0.0, 0.0, 1.0])


def test_small_creators_are_those_with_the_fewest_watches_over_all_their_videos() -> None:
    videos = catalog(
        a=video(50, "big", watches=90.0),
        b=video(1, "big"),
        c=video(1, "small", watches=5.0),
        d=video(1, "", watches=1.0),
    )
    found = delivery_of(PROMISE, videos, NOW_US, {}, 1_000.0)
    assert found.is_small(videos, np.array([0, 1, 2, 3, 99])).tolist() == [False, False, True, False, False]


def test_nothing_is_owed_in_another_catalog_or_without_a_promise() -> None:
    videos, others = catalog(a=video(1, "x")), catalog(b=video(1, "x"))
    found = delivery_of(PROMISE, videos, NOW_US, {}, 1_000.0)
    assert len(found.owed(videos)[0]) == 1
    assert len(found.owed(others)[0]) == 0
    assert found.pace(others, np.array([0])).tolist() == [0.0]
    assert found.is_small(others, np.array([0])).tolist() == [False]
    assert delivery_of(replace(PROMISE, impressions=0), videos, NOW_US, {}, 1_000.0) is NOTHING_OWED


def test_a_catalog_of_before_a_publication_is_not_asked_for_its_row() -> None:
    videos = catalog(a=video(1, "x"), b=video(1, "x"))
    found = delivery_of(PROMISE, videos, NOW_US, {}, 1_000.0)
    earlier = replace(videos, video_ids=videos.video_ids[:1])
    assert found.owed(earlier)[0].tolist() == [0]


def test_only_the_furthest_behind_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MOST_OWED", 2)
    videos = catalog(a=video(1, "x"), b=video(5, "x"), c=video(8, "x"))
    found = delivery_of(PROMISE, videos, NOW_US, {}, 1_000.0)
    assert found.owed(videos)[0].tolist() == [1, 2]


def test_a_promise_lasts_no_longer_than_impressions_are_counted() -> None:
    assert LONGEST_DAYS == KEPT_DAYS
    with pytest.raises(ValueError, match="1 to 30"):
        Promise(days=31.0)
    with pytest.raises(ValueError, match="small_share"):
        Promise(small_share=1.5)


@given(st.data())
def test_what_is_owed_and_small_shares_in_a_distribution_that_stays_one(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    fractions = st.floats(0.0, 1.0, allow_nan=False)
    pool = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    pool[data.draw(st.integers(0, count - 1))] = True
    weight = np.where(pool, data.draw(st.lists(st.floats(0.01, 1.0), min_size=count, max_size=count)), 0.0)
    pace = np.where(pool, data.draw(st.lists(fractions, min_size=count, max_size=count)), 0.0)
    small = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    share, least = data.draw(fractions), data.draw(fractions)
    thompson = weight / weight.sum()
    found = with_least(mixed(thompson, pace, share), small, least)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0).all()
    assert not found[~pool].any()
    if share < 0.99 and (pool & small).any() and (pool & ~small).any():
        assert found[small].sum() >= min(least, 1.0) - 1e-9


def test_shares_are_given_by_weight_and_to_a_group() -> None:
    even = np.array([0.25, 0.25, 0.25, 0.25])
    assert mixed(even, np.array([0.0, 0.0, 1.0, 3.0]), 0.4).tolist() == pytest.approx([0.15, 0.15, 0.25, 0.45])
    assert mixed(even, np.zeros(4), 0.4).tolist() == even.tolist()
    group = np.array([True, False, False, False])
    assert with_least(even, group, 0.4).tolist() == pytest.approx([0.4, 0.2, 0.2, 0.2])
    assert with_least(even, group, 0.1).tolist() == even.tolist()
    assert with_least(even, np.zeros(4, dtype=bool), 0.4).tolist() == even.tolist()
