"""What sources read of orders and groups is what a walk of the whole catalog finds, whatever has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from worlds import changing_catalogs
from worlds.changing_catalogs import DAY_US, NOW_US

from models import order, orders
from models.allowed import Allowed
from models.candidates.columns import ANCHOR
from models.candidates.sources.creators import OfCreators
from models.candidates.sources.fresh import MAX_AGE_DAYS, NewReleases
from models.candidates.sources.popular import Popular
from models.candidates.sources.series import NextInSeries
from models.candidates.sources.spec import Found
from models.candidates.sources.trending import Trending
from models.catalog import Catalog, OfflineRequest, rows_of

Array = np.ndarray[Any, Any]
Walk = Callable[[OfflineRequest, Array, int], Found]
FEW_OR_MANY = (0.01, 0.3, 1.0)  # of the catalog may be shown


def best(rows: Array, score: Array, n: int) -> Found:
    ordered = np.lexsort((rows, -score))[:n]
    return Found(rows[ordered], score[ordered])


def times_many(watches_V: Array) -> Array:
    times: Array = watches_V / max(3.0, 0.001 * float(np.sum(watches_V)))
    return times


def popular_V(catalog: Catalog) -> Array:
    ever_V = catalog.columns["video_watch_count"].astype(np.float64)
    score_V: Array = catalog.columns["video_watch_count_30d"] + ever_V / (ever_V.max(initial=0.0) + 1.0)
    return score_V


def popular(asked: OfflineRequest, mask: Array, n: int) -> Found:
    rows = np.flatnonzero(mask)
    return best(rows, times_many(popular_V(asked.catalog))[rows], n + 2 * asked.limit)


def trending(asked: OfflineRequest, mask: Array, n: int) -> Found:
    columns = asked.catalog.columns
    age_days = (asked.now_us - columns["video_activity_timestamp_us"]) / DAY_US
    trend = columns["watch_decayed_1d"] * 2.0 ** -np.maximum(age_days, 0.0)
    rows = np.flatnonzero(mask & (trend > 1e-6))
    return best(rows, times_many(trend)[rows], n)


def fresh(asked: OfflineRequest, mask: Array, n: int) -> Found:
    age_days = (asked.now_us - asked.catalog.columns["published_timestamp_us"]) / DAY_US
    rows = np.flatnonzero(mask & (age_days >= 0) & (age_days <= MAX_AGE_DAYS))
    return best(rows, -age_days[rows], n)


def of_creators(asked: OfflineRequest, mask: Array, n: int) -> Found:
    liked = dict(zip(asked.features["creator_ids"], asked.features["creator_weights"], strict=True))
    creators = asked.catalog.columns["creator_id"]
    weight_V = np.array([max(liked.get(one, 0.0), 0.0) if one else 0.0 for one in creators])
    rows = np.flatnonzero(mask & (weight_V > 0))
    return best(rows, (weight_V * np.log(2.0 + popular_V(asked.catalog)))[rows], n)


def next_in_series(asked: OfflineRequest, mask: Array, n: int) -> Found:
    series, episode = asked.catalog.columns["series_id"], asked.catalog.columns["episode"]
    rows, anchors, begun = [], [], {""}
    for watched in rows_of(asked.catalog, asked.history_ids)[::-1].tolist():
        ahead = [
            row
            for row in np.flatnonzero(mask).tolist()
            if series[row] == series[watched] and episode[row] > episode[watched]
        ]
        if series[watched] not in begun and ahead:
            rows.append(min(ahead, key=lambda row: (episode[row], row)))
            anchors.append(watched)
        begun.add(series[watched])
    return Found(np.array(rows, dtype=np.int64), 1.0 / np.arange(1, len(rows) + 1), {ANCHOR: np.array(anchors)})


WALKS: dict[str, tuple[Any, Walk]] = {
    "popular": (Popular(), popular),
    "trending": (Trending(), trending),
    "fresh": (NewReleases(), fresh),
    "creators": (OfCreators(), of_creators),
    "series": (NextInSeries(), next_in_series),
}


def drawn(rng: np.random.Generator, catalog: Catalog) -> OfflineRequest:
    return OfflineRequest(
        catalog=catalog,
        now_us=NOW_US + int(rng.integers(0, 3)) * DAY_US // 2,
        history_ids=[str(one) for one in rng.choice([*catalog.video_ids.tolist(), "gone"], 4)],
        features={"creator_ids": ["x", "y", "gone", ""], "creator_weights": [2.0, -1.0, 3.0, 4.0]},
    )


@pytest.mark.parametrize("name", WALKS)
@pytest.mark.parametrize("is_followed", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_a_source_finds_what_a_walk_of_the_whole_catalog_finds(
    name: str, is_followed: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(order, "LEAST_READ", 4)
    rng, (source, walk) = np.random.default_rng(seed), WALKS[name]
    count = int(rng.choice([20, 400]))
    catalogs = changing_catalogs.writer(rng, count)
    for _ in range(25):
        count = changing_catalogs.change(catalogs, rng, count)
        catalog = catalogs.snapshot()
        if is_followed:
            orders.follow(catalog)
        mask, n = rng.random(len(catalog)) < rng.choice(FEW_OR_MANY), int(rng.choice([2, 9, 999]))
        asked = drawn(rng, catalog)
        found, wanted = source.find(asked, Allowed.of(mask), n), walk(asked, mask, n)
        assert found.rows.tolist() == wanted.rows.tolist()
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-9)
        for column, values in wanted.columns.items():
            assert found.columns[column].tolist() == values.tolist()
