"""What a weight gains, worked out by hand; and pages of a world that is simulated anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import lived
from models.page.context import ContextWeights
from monitoring.measures.moments import TRIALS, Trial, gains, gains_together


class Told:
    """Of each value of a weight, what two viewers watch and finish."""

    def __init__(self) -> None:
        self.asked: list[Trial] = []

    def watched(self, user_ids: Any, trial: Trial) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        self.asked.append(trial)
        return np.array([100.0, 300.0]) + 1000.0 * trial.value, np.array([2.0, 2.0])


def test_a_gain_is_that_over_the_same_moment_without_the_weight() -> None:
    told = Told()
    rows = gains(told, ["a", "b"], [Trial("tv_longer", 0.01), Trial("tv_longer", 0.02), Trial("season", 0.01, hour=9)])  # type: ignore[arg-type]
    assert [row["seconds_gain"] for row in rows] == pytest.approx([5.0, 10.0, 5.0])
    assert [row["seconds_gain_error"] for row in rows] == pytest.approx([0.0] * 3)
    assert [row["finished_gain"] for row in rows] == [0.0] * 3
    assert [one.value for one in told.asked] == [0.0, 0.01, 0.02, 0.0, 0.01]  # once without it for each moment


def test_of_two_who_watch_together_the_gain_of_both_and_of_each_is_told() -> None:
    class Two:
        def together(self, first: Any, second: Any) -> list[tuple[Any, Any]]:
            assert (list(first), list(second)) == (["a", "b"], ["c", "d"])  # who is left over watches alone
            seconds = (200.0, 100.0, 180.0, 150.0)  # alone, joining; then both on their page
            return [(np.full(2, one), np.full(2, 1.0)) for one in seconds]

    rows = gains_together(Two(), list("abcde"))  # type: ignore[arg-type]
    assert [row["seconds_gain"] for row in rows] == pytest.approx([10.0, 50.0, -10.0])
    assert gains_together(Two(), ["a"]) == []  # type: ignore[arg-type]


def test_every_weight_of_a_policy_is_tried() -> None:
    numbers = {name for name, value in vars(ContextWeights()).items() if value == 0.0}
    assert {trial.weight for trial in TRIALS} == numbers | {"heavy"}
    assert all(trial.weights != ContextWeights() and trial.without.weights == ContextWeights() for trial in TRIALS)


def test_a_world_lives_alike_however_many_days_are_asked_for() -> None:
    config = SimulatorConfig(users=30, videos=40, days=5, seed=3, end="2026-11-21")
    whole, part = lived(config, 5), lived(config, 3)
    assert part.log.pages < whole.log.pages
    again = lived(config, 3)
    assert np.array_equal(part.viewers.phase, again.viewers.phase)
    assert np.array_equal(part.viewers.last, again.viewers.last)
