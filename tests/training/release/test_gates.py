"""Each gate catches its own figure; a bar that rests on few viewers leaves room for luck."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from models.release.artifact import Release
from models.retrieval.index_facts import IndexFacts
from training.release import gates as module
from training.release.comparison import Beside, Comparison, NewVideos
from training.release.gates import CHAMPIONS, KINDS, NAMES, Gate, Measured, flat, gates
from training.release.skew import Skew

Metrics = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def _fast_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "rank_milliseconds", lambda release: 3.0)


def metrics() -> Metrics:
    """Of a release that passes every gate."""
    order = {"auc": 0.6, "gauc": 0.55, "clicks": 1000.0}
    return {
        "retrieval": {
            "two_tower": {"recall_at_50": 0.4, "ndcg_at_10": 0.1, "coverage_at_10": 0.5},
            "popularity": {"recall_at_50": 0.2, "ndcg_at_10": 0.06, "coverage_at_10": 0.1},
            "popularity_7d": {"recall_at_50": 0.3, "ndcg_at_10": 0.05, "coverage_at_10": 0.2},
        },
        "ranking": {"ranker": {"auc": 0.7, "gauc": 0.65, "ece": 0.01}, "retrieval_order": order},
    }


INDEX = IndexFacts("ivf_sq8", 1000, 30, 100, 100, recall=0.99, filtered_recall=0.95)
MEASURED = Measured(
    new_videos=NewVideos(viewers=100, recall=0.3, popularity=0.02, chance=0.1), skew=Skew(400, 0.0, ()), index=INDEX
)


def judged(figures: Metrics, measured: Measured = MEASURED) -> list[Gate]:
    return gates(cast(Release, SimpleNamespace(manifest=SimpleNamespace(metrics=figures))), measured)


def of_kind(kind: str, measured: Measured) -> list[Gate]:
    return [gate for gate in judged(metrics(), measured) if gate.kind == kind]


def test_a_release_that_beats_the_simplest_alternatives_passes() -> None:
    found = judged(metrics())
    assert [gate.gate for gate in found if not gate.passed] == []
    assert len(found) == 10


@pytest.mark.parametrize(
    ("model", "figure", "value", "gate"),
    [
        ("two_tower", "recall_at_50", 0.25, "two_tower recall_at_50 beats popularity"),  # between the two popularities
        ("two_tower", "ndcg_at_10", 0.0, "two_tower ndcg_at_10 beats popularity"),
        ("two_tower", "coverage_at_10", 0.15, "two_tower coverage_at_10"),
        ("ranker", "auc", 0.1, "ranker auc beats retrieval order"),
        ("ranker", "gauc", 0.1, "ranker gauc beats retrieval order"),
        ("ranker", "ece", 0.5, "ranker calibration error"),
    ],
)
def test_each_gate_catches_its_own_figure(model: str, figure: str, value: float, gate: str) -> None:
    worse = metrics()
    worse["ranking" if model == "ranker" else "retrieval"][model][figure] = value
    assert [found.gate for found in judged(worse) if not found.passed] == [gate]


def test_a_gate_says_its_value_and_its_bar() -> None:
    worse = metrics()
    worse["ranking"]["ranker"]["ece"] = 0.5
    (failed,) = [gate for gate in judged(worse) if not gate.passed]
    assert str(failed) == "ranker calibration error: 0.5000, expected at most 0.1000"


def test_a_slow_ranker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "rank_milliseconds", lambda release: 10.5)
    assert [str(gate) for gate in judged(metrics()) if not gate.passed] == [
        "ranker ms for 500 candidates: 10.5000, expected at most 10.0000"
    ]


def test_the_rankers_bar_leaves_room_for_the_luck_of_few_clicks() -> None:
    figures = metrics()
    figures["ranking"]["ranker"]["auc"] = 0.59
    for clicks, passed in ((100, True), (10_000, False)):  # standard errors .049 and .0049
        figures["ranking"]["retrieval_order"] |= {"auc": 0.6, "clicks": clicks}
        gate = next(gate for gate in judged(figures) if gate.gate == "ranker auc beats retrieval order")
        assert gate.passed is passed
        assert gate.bar == pytest.approx(0.6 - (0.24 / clicks) ** 0.5)


def test_the_champion_may_be_missed_by_one_standard_error_and_its_coverage_by_a_tenth() -> None:
    figures = (
        Beside("two_tower ndcg_at_10", ours=0.10, champions=0.11, error=0.011),
        Beside("ranker auc", ours=0.70, champions=0.72, error=0.01),
        Beside("two_tower coverage_at_10", ours=0.46, champions=0.50, error=0.0),
    )
    measured = Measured(comparison=Comparison("r-0123456789ab", 100, figures))
    passed = {gate.gate: gate.passed for gate in of_kind("against the champion", measured) if gate.measured}
    assert passed == {
        "two_tower ndcg_at_10 holds the champion's": True,
        "ranker auc holds the champion's": False,
    }
    coverage = of_kind("diversity", measured)[-1]
    assert coverage.bar is not None
    assert (coverage.value, coverage.passed) == (0.46, True)
    assert coverage.bar == pytest.approx(0.45)


@pytest.mark.parametrize("filtered", [False, True])
def test_an_index_that_misses_what_an_exact_search_finds_is_refused(filtered: bool) -> None:
    for recall, passed in ((0.89, False), (0.9, True)):
        found = replace(INDEX, filtered_recall=recall) if filtered else replace(INDEX, recall=recall)
        (gate,) = of_kind("index", replace(MEASURED, index=found))
        assert (gate.passed, gate.value, gate.bar) == (passed, recall, 0.9)
    for unknown in (None, replace(INDEX, recall=None, filtered_recall=None)):
        (gate,) = of_kind("index", replace(MEASURED, index=unknown))
        assert (gate.measured, gate.stops()) == (False, False)


def test_new_videos_must_be_found_more_often_than_by_chance_and_popularity() -> None:
    """Of 100 viewers' new videos: chance .1, one standard error of it sqrt(.09 / 100) = .03."""
    for recall, passed in ((0.06, False), (0.08, True)):
        measured = Measured(new_videos=NewVideos(viewers=100, recall=recall, popularity=0.02, chance=0.1))
        (gate,) = of_kind("cold start", measured)
        assert gate.bar == pytest.approx(0.07)
        assert gate.passed == passed


def test_a_gate_without_data_is_not_measured_and_a_world_without_new_videos_is_no_reason_to_stop() -> None:
    """Nothing of nothing is no pass: 0.0000, expected at least 0.0000."""
    nobody = of_kind("cold start", replace(MEASURED, new_videos=None))
    too_few = of_kind("cold start", replace(MEASURED, new_videos=NewVideos(3, recall=0.0, popularity=0.0, chance=0.01)))
    for (gate,) in (nobody, too_few):
        assert (gate.passed, gate.measured, gate.value, gate.stops()) == (False, False, None, False)
    assert "nobody watched a new video" in str(nobody[0])


@pytest.mark.parametrize(
    ("table", "row", "figure", "value", "gate"),
    [
        ("ranking", "ranker", "auc", float("nan"), "ranker auc beats retrieval order"),
        ("ranking", "retrieval_order", "clicks", 1.0, "ranker auc beats retrieval order"),  # one standard error: .49
        ("ranking", "ranker", "ece", None, "ranker calibration error"),
    ],
)
def test_a_required_gate_without_data_stops_a_release_unless_that_is_accepted(
    table: str, row: str, figure: str, value: float | None, gate: str
) -> None:
    figures = metrics()
    figures[table][row] |= {figure: value, **({"auc": 0.4, "gauc": 0.4} if row == "retrieval_order" else {})}
    found = next(one for one in judged(figures) if one.gate == gate)
    assert (found.measured, found.passed, found.stops()) == (False, False, True)
    assert not found.stops([gate])
    assert not found.stops([found.kind])
    assert "not measured" in str(found)


def test_a_figure_that_failed_is_not_accepted_as_if_it_were_not_measured() -> None:
    worse = metrics()
    worse["ranking"]["ranker"]["ece"] = 0.5
    (failed,) = [gate for gate in judged(worse) if not gate.passed]
    assert failed.stops([failed.gate, failed.kind])


def test_a_candidate_that_cannot_be_compared_with_the_champion_has_passed_none_of_these_gates() -> None:
    measured = replace(MEASURED, comparison=Comparison("r-0123456789ab", why_not="it was trained on other columns"))
    beside = [gate for gate in judged(metrics(), measured) if gate.gate in CHAMPIONS]
    assert len(beside) == len(CHAMPIONS)
    assert all(gate.stops() and "other columns" in gate.why for gate in beside)
    assert not any(gate.stops(["against the champion", "diversity"]) for gate in beside)


def test_every_gate_has_a_name_and_a_kind_that_can_be_accepted() -> None:
    found = judged(metrics(), replace(MEASURED, comparison=Comparison("r-0123456789ab")))
    assert {gate.gate for gate in found} == set(NAMES)
    assert {gate.kind for gate in found} == set(KINDS)


def test_a_feature_that_serving_reads_otherwise_fails_the_release() -> None:
    for share, passed in ((0.0, True), (0.02, False)):
        (gate,) = of_kind("skew", Measured(skew=Skew(400, share, ("country",))))
        assert (gate.value, gate.passed) == (share, passed)


def test_waiting_is_not_counted_as_the_rankers_work() -> None:
    assert module._processor_seconds(lambda: time.sleep(0.05)) < 0.03


def test_figures_without_a_value_are_left_out_of_the_flat_list() -> None:
    assert flat({"ranking": {"ranker": {"auc": 0.7, "ece": None}}}) == {"ranking.ranker.auc": 0.7}
