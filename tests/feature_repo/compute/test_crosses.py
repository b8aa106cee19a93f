"""The crosses on numbers that one can work out on paper, and the same for a request as for training rows."""

import datetime
from typing import Any

import numpy as np
import pytest

from feature_repo.compute.crosses import CROSSES, PRIOR_FRACTION, PRIOR_WATCHES, multi_hot
from feature_repo.compute.fold import DAY_US
from feature_repo.compute.inputs import FeatureInputs, computed, context_columns
from feature_repo.schema import GENRE_SLOTS

NAMES = ("Drama", "Comedy", "News")
HOUR_US = DAY_US // 24
# Saturday 7 June 2025, 18:00 UTC
NOW_US = int(datetime.datetime(2025, 6, 7, 18, tzinfo=datetime.UTC).timestamp()) * 1_000_000

Columns = dict[str, Any]


def objects(*values: Any) -> np.ndarray[Any, Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def lists(*values: list[Any]) -> np.ndarray[Any, Any]:
    column = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        column[at] = value
    return column


def one_user() -> Columns:
    affinity = np.zeros((1, GENRE_SLOTS))
    affinity[0, :2] = 3.0, 4.0
    return {
        "genre_affinity": affinity,
        "user_activity_timestamp_us": np.array([NOW_US - 6 * HOUR_US]),
        "user_watch_fraction_sum": np.array([4.0]),
        "user_watch_count": np.array([5]),
        "user_watch_seconds": np.array([600.0]),
        "creator_ids": lists(["c1", "c2"]),
        "creator_weights": lists([0.5, -1.0]),
        "user_language": objects("en"),
    }


def three_videos() -> Columns:
    return {
        "genres": multi_hot([["Drama"], ["Drama", "Comedy"], []], NAMES),
        "published_timestamp_us": np.array([NOW_US - 2 * DAY_US, NOW_US + DAY_US, 0]),
        "video_activity_timestamp_us": np.array([NOW_US - DAY_US, NOW_US, 0]),
        "watch_decayed_1d": np.array([8.0, 1.0, 0.0]),
        "watch_decayed_7d": np.array([8.0, 1.0, 0.0]),
        "video_watch_fraction_sum": np.array([0.0, 7.5, 0.0]),
        "video_watch_count": np.array([0, 15, 0]),
        "creator_id": objects("c2", "c1", "c9"),
        "video_language": objects("en", "de", "en"),
        "duration_seconds": np.array([200.0, 100.0, 1e9]),
    }


def crosses(user: Columns, video: Columns, context: Columns) -> Columns:
    """All crosses, with a value per video."""
    n = len(video["genres"])
    found = computed(CROSSES, FeatureInputs(user, video, context))
    return {name: np.broadcast_to(column, (n,)) for name, column in found.items()}


def test_every_cross_is_the_worked_answer() -> None:
    found = crosses(one_user(), three_videos(), context_columns([NOW_US], ["mobile"], [120], ["home"]))
    assert list(found) == list(CROSSES.features)
    expected = {
        "genre_match": [0.6, 0.7, 0.0],  # affinity of length 1: (.6, .8); mean over the video's genres
        "creator_weight": [-1.0, 0.5, 0.0],
        "language_match": [1, 0, 1],
        "video_age_days": [2, 0, 36_525],  # not published yet: no negative age; not known when: as old as any
        "trend_1d": [4, 1, 0],
        "trend_7d": [8 * 2 ** (-1 / 7), 1, 0],
        "user_idle_hours": [6, 6, 6],
        "user_mean_watch_fraction": [(4 + PRIOR_WATCHES * PRIOR_FRACTION) / (5 + PRIOR_WATCHES)] * 3,
        "video_mean_watch_fraction": [0.5, 0.5, 0.5],
        "duration_ratio": [1.0, 0.5, 20.0],  # a typical watch of (600 + 600) / 6 seconds; clipped
        "hour_sin": [np.sin(20 / 24 * 2 * np.pi)] * 3,  # 20:00 where the viewer is
        "hour_cos": [np.cos(20 / 24 * 2 * np.pi)] * 3,
        "is_weekend": [1, 1, 1],
        "is_mobile": [1, 1, 1],
    }
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        assert found[name] == pytest.approx(values, rel=1e-5, abs=1e-6), name


def test_a_request_and_training_rows_get_the_same_numbers() -> None:
    """One user broadcast over N candidates, or the same user on each of N rows."""
    user, videos = one_user(), three_videos()
    served = crosses(user, videos, context_columns([NOW_US], ["tv"], [-300], ["home"]))
    repeated = {name: np.repeat(column, 3, axis=0) for name, column in user.items()}
    trained = crosses(repeated, videos, context_columns([NOW_US] * 3, ["tv"] * 3, [-300] * 3, ["home"] * 3))
    for name in CROSSES.functions:
        np.testing.assert_array_equal(served[name], trained[name], err_msg=name)


def test_a_new_viewer_has_been_away_for_a_month_and_prefers_nothing() -> None:
    new = one_user() | {
        "genre_affinity": np.zeros((1, GENRE_SLOTS)),
        "user_activity_timestamp_us": np.array([0]),
        "creator_ids": lists([]),
        "creator_weights": lists([]),
    }
    found = crosses(new, three_videos(), context_columns([NOW_US], ["tv"], [0], ["home"]))
    assert found["user_idle_hours"].tolist() == [720.0] * 3
    assert found["genre_match"].tolist() == [0.0] * 3
    assert np.isfinite(np.stack(list(found.values()))).all()


@pytest.mark.parametrize(("days", "weekend"), [(-1, 0), (0, 1), (1, 1), (2, 0)])
def test_the_weekend_is_the_viewers_own(days: int, weekend: int) -> None:
    noon_us = NOW_US - 6 * HOUR_US + days * DAY_US
    found = crosses(one_user(), three_videos(), context_columns([noon_us], ["tv"], [0], ["home"]))
    assert set(found["is_weekend"].tolist()) == {weekend}


def test_friday_night_in_london_is_saturday_in_tokyo() -> None:
    friday_us = NOW_US - 20 * HOUR_US  # 22:00 UTC
    for offset_minutes, weekend in ((0, 0), (9 * 60, 1)):
        found = crosses(one_user(), three_videos(), context_columns([friday_us], ["tv"], [offset_minutes], ["home"]))
        assert set(found["is_weekend"].tolist()) == {weekend}


def test_genres_the_world_does_not_know_are_left_out() -> None:
    hot = multi_hot([["Comedy", "Unheard of"], [], ["News", "Drama"]], NAMES)
    assert hot.shape == (3, GENRE_SLOTS)
    assert [np.flatnonzero(row).tolist() for row in hot] == [[1], [], [0, 2]]


def test_the_inputs_are_left_as_they_were() -> None:
    user, videos = one_user(), three_videos()
    before = {name: column.tolist() for name, column in {**user, **videos}.items()}
    crosses(user, videos, context_columns([NOW_US], ["tv"], [0], ["home"]))
    assert {name: column.tolist() for name, column in {**user, **videos}.items()} == before
