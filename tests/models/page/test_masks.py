"""Shared masks: made once for viewers alike, valid for a time, and never another than that of all videos asked anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import changing_catalogs
from worlds.changing_catalogs import DAY_US, NOW_US

from models.catalog import Catalog, CatalogTable, OfflineRequest, marks
from models.page.filters import NOVELTY, SAFETY, all_of, allowed
from models.page.masks import SharedMasks
from models.page.rules import SharedFilter

Array = np.ndarray[Any, Any]


def brute_force(request: OfflineRequest) -> list[bool]:
    """Each rule in words, for each video of the catalog."""
    columns, catalog = request.catalog.columns, request.catalog
    gone = {*request.features["hidden_video_ids"], *request.features["seen_video_ids"], *request.history_ids}
    shown = set(request.shown.tolist())
    kept = []
    for row, video_id in enumerate(catalog.video_ids):
        expires_us, countries = columns["expires_timestamp_us"][row], columns["countries"][row]
        kept.append(
            not catalog.taken_down[row]
            and (expires_us == 0 or expires_us > request.now_us)
            and columns["published_timestamp_us"][row] <= request.now_us
            and columns["maturity"][row] <= request.maturity_limit
            and (len(countries) == 0 or request.country in countries)
            and video_id not in gone
            and int(marks([video_id])[0]) not in shown
        )
    return kept


def drawn(rng: np.random.Generator, catalog: Catalog, now_us: int) -> OfflineRequest:
    ids = [*catalog.video_ids.tolist(), "gone"]
    return OfflineRequest(
        catalog=catalog,
        now_us=now_us,
        country=str(rng.choice(["", "DE", "US", "FR"])),
        maturity_limit=int(rng.choice([0, 7, 12, 18])),
        history_ids=[str(one) for one in rng.choice(ids, 3)],
        features={
            "hidden_video_ids": [str(one) for one in rng.choice(ids, 2)],
            "seen_video_ids": [str(one) for one in rng.choice(ids, 4)],
        },
        shown=marks([str(one) for one in rng.choice(ids, rng.integers(0, 3))]),
    )


@pytest.mark.parametrize("seed", range(10))
def test_what_is_left_is_what_every_rule_says_of_every_video_whatever_has_changed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.choice([8, 130]))
    catalogs, now_us = changing_catalogs.writer(rng, count), NOW_US - DAY_US
    earlier = catalogs.snapshot()
    for step in range(60):
        if step % 3 == 0:
            count = changing_catalogs.change(catalogs, rng, count)
        now_us += int(rng.choice([0, 1, DAY_US // 4]))
        catalog = catalogs.snapshot()
        is_behind = step % 7 == 6  # a request that still holds an earlier catalog, or whose clock is behind
        asked = drawn(rng, earlier if is_behind else catalog, now_us - DAY_US if is_behind else now_us)
        found = allowed(asked)
        assert found.mask().tolist() == brute_force(asked)
        assert found.count == sum(brute_force(asked))
        rows = rng.integers(0, len(asked.catalog), 20)
        assert found[rows].tolist() == found.mask()[rows].tolist()
        earlier = catalog


class Counted(SharedFilter):
    """Keeps even rows, and remembers of which it was asked."""

    name = "counted"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def about(self, request: Any) -> bool:
        return bool(request.maturity_limit > 12)

    def keep(self, catalog: Catalog, rows: Any, about: bool, now_us: int) -> Array:
        at = np.arange(len(catalog))[rows]
        self.asked.append(len(at))
        kept: Array = at % 2 == 0
        return kept


def request(catalog: Catalog, limit: int = 18, now_us: int = NOW_US) -> OfflineRequest:
    return OfflineRequest(catalog=catalog, now_us=now_us, maturity_limit=limit)


def test_viewers_of_whom_a_filter_reads_the_same_share_a_mask() -> None:
    rule, masks = Counted(), SharedMasks()
    catalog = changing_catalogs.writer(np.random.default_rng(1), 10).snapshot()
    one, other, child = (masks.of([rule], request(catalog, limit)) for limit in (18, 16, 7))
    assert one is other
    assert one is not child
    assert rule.asked == [10, 10]


def test_a_filter_is_asked_again_of_what_has_changed_alone() -> None:
    rng, rule, masks = np.random.default_rng(1), Counted(), SharedMasks()
    catalogs = changing_catalogs.writer(rng, 10)
    masks.of([rule], request(catalogs.snapshot()))
    catalogs.publish(["new", "newer"], [changing_catalogs.row(rng), changing_catalogs.row(rng)])
    catalogs.settle(["v00003"], [])
    shared = masks.of([rule], request(catalogs.snapshot()))
    assert rule.asked == [10, 3]
    assert shared.bits.rows().tolist() == [0, 2, 4, 6, 8, 10]
    assert shared.edition.since(0).tolist() == [10]  # 11 and 3 were not in it, and are not now


def test_a_mask_holds_until_the_next_publication_or_expiry() -> None:
    catalog = CatalogTable(
        np.array(["a", "b", "c"], dtype=object),
        {
            "published_timestamp_us": np.array([1, 50, 1]),
            "expires_timestamp_us": np.array([0, 0, 70]),
            "maturity": np.zeros(3),
            "countries": np.array([(), (), (), None], dtype=object)[:3],
        },
    )
    rules, masks = [rule for rule in (*SAFETY, *NOVELTY) if isinstance(rule, SharedFilter)], SharedMasks()
    at = {now_us: masks.of(rules, request(catalog, now_us=now_us)) for now_us in (10, 49, 50, 69, 70, 99)}
    assert [one.bits.rows().tolist() for one in at.values()] == [[0, 2], [0, 2], [0, 1, 2], [0, 1, 2], [0, 1], [0, 1]]
    assert at[10] is at[49]
    assert at[50] is at[69]
    assert at[70] is at[99]


def test_the_masks_that_are_used_least_are_given_up() -> None:
    rule, masks = Counted(), SharedMasks(most=1)
    catalog = changing_catalogs.writer(np.random.default_rng(1), 10).snapshot()
    for limit in (18, 7, 7, 18):
        masks.of([rule], request(catalog, limit))
    assert rule.asked == [10, 10, 10]


def test_a_request_packs_and_copies_no_mask() -> None:
    catalog = changing_catalogs.writer(np.random.default_rng(1), 200).snapshot()
    nothing: dict[str, list[str]] = {"hidden_video_ids": [], "seen_video_ids": []}
    first, second = (
        all_of((*SAFETY, *NOVELTY), OfflineRequest(catalog=catalog, now_us=NOW_US, history_ids=ids, features=nothing))
        for ids in (["v00001"], ["v00002", "v00002"])
    )
    assert first.shared is second.shared
    assert len(first.without) <= 1
