"""Which videos rules are about, when they hold, and what they say of rows: tables small enough to check by eye."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds.arithmetic import TOY

from feature_repo.catalog.rule import rule_of
from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.snapshot import video_snapshot
from models.catalog import OfflineRequest
from models.page.filters import allowed, safe
from models.page.rulebook import RuleBook

NOW_US = 1_000_000_000_000_000
IDS = "abcdef"
VIDEOS: list[dict[str, Any]] = [
    {
        "creator_id": "c1",
        "category": "Drama",
        "genres": ["Drama"],
        "tags": ["original"],
        "video_watch_count": 100,
        "licence_cost": 0.2,
    },
    {
        "creator_id": "c1",
        "category": "Comedy",
        "genres": ["Comedy", "Drama"],
        "video_watch_count": 19,
        "licence_cost": 0.0,
    },
    {"creator_id": "c2", "category": "Drama", "genres": ["Drama"], "tags": ["flagged", "original"]},
    {"creator_id": "c3", "category": "Comedy", "genres": ["Comedy"], "video_watch_count": 100},
    {"creator_id": "c3", "category": "Comedy", "genres": ["Comedy"], "video_watch_count": 100},
    {"creator_id": "c4", "category": "", "genres": [], "video_language": "de"},
]
WATCHED = [39.0, 0.0, 0.0, 41.0, 80.0, 0.0]
DISLIKES = [0, 19, 0, 0, 30, 0]


@pytest.fixture
def asked() -> OfflineRequest:
    rows = [
        {name: default_of(name) for name in VIDEO_FEATURES}
        | video
        | {"video_watch_fraction_sum": watched, "video_dislike_count": dislikes}
        for video, watched, dislikes in zip(VIDEOS, WATCHED, DISLIKES, strict=True)
    ]
    catalog = video_snapshot(list(IDS), rows, TOY)
    features: dict[str, Any] = {"hidden_video_ids": [], "seen_video_ids": []}
    return OfflineRequest(catalog, NOW_US, country="DE", features=features)


def kept(request: OfflineRequest, *stated: dict[str, Any]) -> str:
    book = RuleBook(1, [rule_of({"rule_id": f"r{at}", **one}) for at, one in enumerate(stated)])
    found = safe(replace(request, rules=book))
    by_row = found[np.arange(len(IDS))]
    assert found.mask().tolist() == by_row.tolist()
    assert found.rows().tolist() == np.flatnonzero(by_row).tolist()
    return "".join(np.array(list(IDS))[by_row])


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({"video_ids": ["a", "gone"]}, "bcdef"),
        ({"creator_ids": ["c1"]}, "cdef"),
        ({"categories": ["Comedy"]}, "acf"),
        ({"genres": ["Drama"]}, "def"),
        ({"tags": ["flagged"]}, "abdef"),
        ({"languages": ["de"]}, "abcde"),
        ({"most_licence_cost": 0.2}, "cdef"),  # of the others nobody knows what they cost
        ({"most_licence_cost": 0.19}, "acdef"),
        ({"least_licence_cost": 0.1}, "bcdef"),
        ({"most_licence_cost": 0.0, "creator_ids": ["c1"]}, "acdef"),
        ({"creator_ids": ["c1", "c2"], "categories": ["Drama"]}, "bdef"),  # all conditions, any word of each
        ({"tags": ["original"], "countries": ["DE"]}, "bdef"),
        ({"tags": ["original"], "countries": ["US"]}, "abcdef"),
        ({"tags": ["original"], "surfaces": ["search"]}, "abcdef"),
        ({"tags": ["original"], "enabled": False}, "abcdef"),
    ],
)
def test_a_block_keeps_out_what_matches_its_whole_filter(
    asked: OfflineRequest, where: dict[str, Any], left: str
) -> None:
    assert kept(asked, {"kind": "block", **where}) == left


def test_the_share_that_explores_is_the_largest_of_the_rules_that_hold_for_the_viewer(asked: OfflineRequest) -> None:
    stated: list[dict[str, Any]] = [
        {"rule_id": "a", "explored": 0.2, "countries": ["DE"], "age_groups": ["teen"]},
        {"rule_id": "b", "explored": 0.15, "countries": ["DE"]},
        {"rule_id": "c", "explored": 0.0, "countries": ["unknown"]},
    ]
    book = RuleBook(1, [rule_of({"kind": "explore", **one}) for one in stated])

    def share(country: str, age_group: str) -> float:
        return book.explored(replace(asked, country=country, features={"age_group": age_group}), 0.1)

    for _ in range(2):  # computed, then remembered
        assert [share("DE", "teen"), share("DE", "adult"), share("US", "teen")] == [0.2, 0.15, 0.1]
        assert [share("", "teen"), share("", "")] == [0.0, 0.0]
    assert RuleBook().explored(asked, 0.1) == 0.1


def test_several_rules_each_keep_out_theirs_also_more_than_a_byte_of_them(asked: OfflineRequest) -> None:
    blocks = [{"kind": "block", "video_ids": [one]} for one in "abcde"]
    idle = [{"kind": "boost", "factor": 2.0, "tags": [f"t{at}"]} for at in range(9)]
    assert kept(asked, *idle, *blocks) == "f"


@pytest.mark.parametrize(
    ("floor", "left"),
    [
        ({"least_watch_fraction": 0.4}, "bcdef"),  # a: 39 of 100; b has not enough watches to be judged
        ({"least_watch_fraction": 0.4, "least_watches": 19}, "cdef"),
        ({"most_dislike_rate": 0.25}, "abcdf"),  # e: 30 of 100
        ({"most_dislike_rate": 0.25, "categories": ["Drama"]}, "abcdef"),
    ],
)
def test_a_floor_judges_by_counters(asked: OfflineRequest, floor: dict[str, Any], left: str) -> None:
    assert kept(asked, {"kind": "floor", **floor}) == left


def test_a_floor_follows_counters_without_an_edit_of_the_catalog(asked: OfflineRequest) -> None:
    floor = {"kind": "floor", "least_watch_fraction": 0.4}
    assert "d" in kept(asked, floor)
    asked.catalog.columns["video_watch_fraction_sum"][3] = 39.0
    assert "d" not in kept(asked, floor)


def test_rules_hold_from_their_beginning_to_their_end(asked: OfflineRequest) -> None:
    times = {"starts_at": "2001-09-09T01:46:40Z", "ends_at": "2001-09-09T01:46:41Z"}  # NOW_US is the first
    book = RuleBook(1, [rule_of({"rule_id": "x", "kind": "block", "video_ids": ["a"], **times})])
    shown = [
        bool(allowed(replace(asked, rules=book, now_us=NOW_US + late))[np.array([0])][0])
        for late in (-1, 0, 999_999, 1_000_000)
    ]
    assert shown == [True, False, False, True]
    assert [book.next_us(NOW_US + late) - NOW_US for late in (-1, 0)] == [0, 1_000_000]


def test_boosts_multiply_and_pins_and_shares_are_of_rows(asked: OfflineRequest) -> None:
    stated: list[dict[str, Any]] = [
        {"rule_id": "b1", "kind": "boost", "tags": ["original"], "factor": 2.0},
        {"rule_id": "b2", "kind": "boost", "categories": ["Drama"], "factor": 1.5},
        {"rule_id": "p1", "kind": "pin", "video_ids": ["d"], "position": 2},
        {"rule_id": "p2", "kind": "pin", "video_ids": ["e"], "position": 2},  # that place is taken
        {"rule_id": "p3", "kind": "pin", "video_ids": ["gone"]},
        {"rule_id": "s1", "kind": "share", "genres": ["Comedy"], "at_most": 0.5},
    ]
    book = RuleBook(3, [rule_of(one) for one in stated])
    rows = np.array([5, 2, 0, 1])
    factors = book.factors(asked, rows)
    assert factors is not None
    assert factors.tolist() == [1.0, 3.0, 3.0, 1.0]
    assert [(pin.row, pin.row_id, pin.position) for pin in book.pins(asked)] == [(3, "", 2)]
    (share,) = book.shares(asked, rows)
    assert (share.rule_id, share.mask_N.tolist(), share.at_most) == ("s1", [False, False, False, True], 0.5)


def test_without_rules_nothing_is_asked_of_the_catalog(asked: OfflineRequest) -> None:
    found = safe(replace(asked, rules=RuleBook()))
    assert found.also is None
    assert RuleBook().factors(asked, np.arange(3)) is None


def tired(**said: Any) -> RuleBook:
    return RuleBook(1, [rule_of({"rule_id": "tired", "kind": "fatigue", **said})])


def seen(asked: OfflineRequest, book: RuleBook, **times: int) -> OfflineRequest:
    """By a viewer who saw these videos so often."""
    features = {**asked.features, "shown_video_ids": list(times), "shown_counts": list(times.values())}
    return replace(asked, rules=book, features=features)


def test_what_was_seen_so_often_is_demoted_and_then_rests(asked: OfflineRequest) -> None:
    request = seen(asked, tired(demoted_after=2, factor=0.5, rested_after=4), gone=9, e=4, b=2, a=1, d=3)
    rows = np.array([5, 4, 3, 2, 1, 0])
    factors = request.rules.factors(request, rows)  # type: ignore[attr-defined]
    assert factors.tolist() == [1.0, 0.5, 0.5, 1.0, 0.5, 1.0]
    assert request.rules.is_fresh(request, rows).tolist() == [True, False, True, True, True, True]
    assert "".join(np.array(list(IDS))[allowed(request).rows()]) == "abcdf"
    assert "".join(np.array(list(IDS))[safe(request).rows()]) == IDS


def test_fatigue_may_be_of_some_videos_only(asked: OfflineRequest) -> None:
    request = seen(asked, tired(rested_after=1, tags=["original"]), a=1, b=1, c=1)
    assert "".join(np.array(list(IDS))[allowed(request).rows()]) == "bdef"
    assert request.rules.factors(request, np.arange(6)).tolist() == [1.0] * 6  # type: ignore[attr-defined]


def test_who_has_seen_nothing_is_tired_of_nothing(asked: OfflineRequest) -> None:
    request = replace(asked, rules=tired(demoted_after=1, factor=0.1, rested_after=2))
    assert len(allowed(request).rows()) == len(IDS)
    assert request.rules.factors(request, np.arange(6)).tolist() == [1.0] * 6  # type: ignore[attr-defined]
