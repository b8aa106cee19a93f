"""Numbers that follow from stored ones, worked out on paper, and the same for a request as for training rows."""

from typing import Any

import numpy as np
import pytest

from feature_repo.compute.derived import DERIVED, genre_columns
from feature_repo.compute.fold import DAY_US, SESSION_GAP_US
from feature_repo.compute.inputs import FeatureInputs, computed, context_columns

NOW_US = 1_750_000_000_000_000
MINUTE_US = 60_000_000
VIDEO = {
    "video_watch_count": np.array([0, 80]),
    "video_like_count": np.array([0, 9]),
    "video_dislike_count": np.array([0, 4]),
    "video_skip_count": np.array([0, 100]),
}


def viewer(idle_us: int = MINUTE_US, session_us: int = 10 * MINUTE_US, age_days: int = 30) -> dict[str, Any]:
    return {
        "signup_timestamp_us": np.array([NOW_US - age_days * DAY_US]),
        "user_activity_timestamp_us": np.array([NOW_US - idle_us]),
        "session_started_us": np.array([NOW_US - session_us]),
        "session_watch_count": np.array([4]),
    }


def derived(user: dict[str, Any], n: int = 1) -> dict[str, Any]:
    return computed(
        DERIVED, FeatureInputs(user, VIDEO, context_columns([NOW_US] * n, ["tv"] * n, [0] * n, ["home"] * n))
    )


def test_every_number_is_the_worked_answer() -> None:
    found = derived(viewer())
    expected = {
        "account_age_days": [30.0],
        "session_watch_count": [4.0],
        "session_minutes": [10.0],
        "video_like_rate": [1 / 20, 10 / 100],
        "video_dislike_rate": [1 / 20, 5 / 100],
        "video_skip_rate": [1 / 20, 101 / 200],
    }
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values), name
        assert found[name].dtype == np.float32


@pytest.mark.parametrize(("idle_us", "goes_on"), [(SESSION_GAP_US, True), (SESSION_GAP_US + 1, False)])
def test_a_session_ends_with_the_gap(idle_us: int, goes_on: bool) -> None:
    found = derived(viewer(idle_us, session_us=2 * SESSION_GAP_US))
    assert found["session_watch_count"].tolist() == [4.0 if goes_on else 0.0]
    assert found["session_minutes"].tolist() == [60.0 if goes_on else 0.0]


@pytest.mark.parametrize(("age_days", "expected"), [(-1, 0.0), (5000, 3650.0)])
def test_the_age_of_an_account_stays_within_ten_years(age_days: int, expected: float) -> None:
    assert derived(viewer(age_days=age_days))["account_age_days"].tolist() == [expected]


def test_a_request_and_training_rows_get_the_same_numbers() -> None:
    repeated = {name: np.repeat(column, 2) for name, column in viewer().items()}
    trained = derived(repeated, n=2)
    for name, column in derived(viewer()).items():
        np.testing.assert_array_equal(np.broadcast_to(column, (2,)), trained[name], err_msg=name)


def test_a_world_has_a_column_per_genre() -> None:
    video = {"genres": np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])}
    found = genre_columns(video, ("Drama", "News"))
    assert {name: column.tolist() for name, column in found.items()} == {
        "genre:Drama": [1.0, 0.0],
        "genre:News": [0.0, 1.0],
    }
