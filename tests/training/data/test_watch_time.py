"""Watch seconds as shares: of all exposures, and of the watched ones of similar length."""

import numpy as np
import pytest

from training.data.watch_time import WatchTime

SECONDS = np.array([0.0, 0.0, 4.0, 8.0, 30.0, 50.0])
DURATION = np.array([10.0, 60.0, 10.0, 10.0, 60.0, 60.0])


def test_ranks_and_gains_are_those_worked_out_by_hand() -> None:
    found = WatchTime.fit(SECONDS, DURATION).targets(SECONDS, DURATION)
    assert found["watch_rank"] == pytest.approx([1 / 6, 1 / 6, 5 / 12, 7 / 12, 9 / 12, 11 / 12])
    assert found["watch_gain"] == pytest.approx([0, 0, 1 / 4, 3 / 4, 1 / 4, 3 / 4])


def test_where_most_is_watched_a_rank_is_the_seconds_of_that_rank() -> None:
    grid = WatchTime.fit(SECONDS, DURATION).seconds_at_rank(np.linspace(0, 1, 6), SECONDS)
    assert grid[[0, 100, 200]] == pytest.approx([0.0, 6.0, 50.0])
    assert (np.diff(grid) >= 0).all()


def test_where_little_is_watched_it_is_the_mean_of_exposures_so_predicted() -> None:
    seconds = np.array([0.0, 0.0, 0.0, 0.0, 10.0, 30.0])
    predicted = np.array([0.3, 0.3, 0.3, 0.6, 0.6, 0.6])
    grid = WatchTime.fit(seconds, DURATION).seconds_at_rank(predicted, seconds)
    assert grid[120] == pytest.approx(40 / 3, abs=0.01)
    assert grid[60] == pytest.approx(0.0, abs=0.01)
    assert (np.diff(grid) > 0).all()  # what is told apart stays told apart
