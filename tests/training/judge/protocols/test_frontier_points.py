"""What is swept, and the choice on figures made up for it."""

from __future__ import annotations

import numpy as np
import pytest

from feature_repo.core.errors import HomeError
from training.judge.protocols.frontier_points import LOSS, RELEVANCE, FrontierConfig, Point, choose, points, summary
from training.record.results import Run


def measured(name: str, loss: float, error: float, ild: float, coverage: float, seed: int | None = None) -> Run:
    validation = {"ild_at_10": ild, "coverage_at_10": coverage}
    per_unit = {LOSS: loss + error * np.array([2.0, -2.0, 2.0, -2.0])}  # four viewers; test figures must not matter
    return Run(name, seed, {"ild_at_10": -1.0}, per_unit, {"validation": validation})


SAID = {"name": "diversity", "kind": "diversity"}
CURVE = FrontierConfig(methods=("mmr",), trade_offs=(0.6, 0.8, 0.9))


def test_the_choice_gains_most_in_its_smaller_gain_at_an_affordable_loss() -> None:
    runs = [
        measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5),
        measured("mmr-0.90", 0.001, 0.001, 0.55, 0.60),
        measured("mmr-0.80", 0.005, 0.002, 0.60, 0.58),
        measured("mmr-0.60", 0.020, 0.002, 0.90, 0.90),
    ]
    assert choose(runs, CURVE) == Point("mmr", 0.8)


def test_a_loss_that_may_be_too_large_by_one_standard_error_is_not_chosen() -> None:
    runs = [
        measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5),
        measured("mmr-0.90", 0.001, 0.001, 0.51, 0.51),
        measured("mmr-0.80", 0.009, 0.002, 0.60, 0.60),
        measured("mmr-0.60", 0.020, 0.002, 0.90, 0.90),
    ]
    assert choose(runs, CURVE) == Point("mmr", 0.9)


def test_the_error_is_that_of_the_mean_over_seeds() -> None:
    """Each seed alone may lose too much; which viewers lose differs between the two, and together they lose .009."""
    runs = [measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5)]
    for seed, error in ((0, 0.002), (1, -0.002)):
        runs += [
            measured("mmr-0.90", 0.001, error, 0.51, 0.51, seed),
            measured("mmr-0.80", 0.009, error, 0.60, 0.60, seed),
            measured("mmr-0.60", 0.020, error, 0.90, 0.90, seed),
        ]
    assert choose(runs, CURVE) == Point("mmr", 0.8)


def test_nothing_is_chosen_where_nothing_is_gained() -> None:
    runs = [measured(name, 0.0, 0.0, 0.5, 0.4) for name in ("mmr-0.90", "mmr-0.80", "mmr-0.60")]
    assert choose([measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5), *runs], CURVE) is None


def test_a_curve_starts_at_mostly_relevance() -> None:
    config = FrontierConfig(methods=("dpp", "mmr"), trade_offs=(0.6, 0.9), floors=(0.0, 0.1))
    assert [point.name for point in points(config)][:4] == [
        "dpp-0.90",
        "dpp-0.60",
        "dpp-0.90-floor-0.10",
        "dpp-0.60-floor-0.10",
    ]


def test_the_table_has_the_choice_beside_relevance_and_the_relative_change() -> None:
    before = Run(RELEVANCE, 0, {"ild_at_10": 0.5, "gini_at_10": 0.0})
    after = Run("mmr-0.80", 0, {"ild_at_10": 0.6, "gini_at_10": 0.3})
    rows = summary([before, after], Point("mmr", 0.8))
    assert [row["model"] for row in rows] == [RELEVANCE, "mmr-0.80", "relative change"]
    assert rows[2]["ild_at_10"] == pytest.approx(0.2)
    assert rows[2]["gini_at_10"] is None
    assert [row["model"] for row in summary([before, after], None)] == [RELEVANCE]


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"methods": ["mmr", "magic"]}, "magic"),
        ({"trade_offs": [0.0]}, "trade_offs"),
        ({"floors": [2.0]}, "floors"),
        ({"speed": 1}, "speed"),
        ({"candidates": 5}, "candidates"),
        ({"kind": "ranking"}, "protocol small: kind: expected 'diversity', found 'ranking'"),
        ({"kind": None}, "protocol small: kind: expected 'diversity', found None"),
        ({"methods": "mmr"}, "protocol small: methods: expected a list, each text, found 'mmr'"),
        ({"trade_offs": [0.5, "a"]}, r"protocol small: trade_offs\[1\]: expected a number, found 'a'"),
        ({"max_loss": "a"}, "protocol small: max_loss: expected a number, found 'a'"),
    ],
)
def test_a_bad_protocol_is_refused_by_its_fault(declared: dict[str, object], fault: str) -> None:
    with pytest.raises(HomeError, match=fault):
        FrontierConfig.of({**SAID, "name": "small", **declared})
