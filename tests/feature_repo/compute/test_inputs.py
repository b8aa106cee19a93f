"""What several features need is worked out once, from a request's rows or from training rows."""

import datetime

import numpy as np
import pytest

from feature_repo.compute.inputs import CONTEXT, FeatureInputs, context_columns, local_clock

NOON_US = int(datetime.datetime(2025, 6, 6, 12, 30, tzinfo=datetime.UTC).timestamp()) * 1_000_000  # a Friday


def test_a_context_has_the_dtypes_that_features_are_computed_with() -> None:
    found = context_columns([NOON_US], ["tv"], [60], ["home"])
    assert {name: column.dtype for name, column in found.items()} == {
        "timestamp_us": np.int64,
        "device": object,
        "utc_offset_minutes": np.int64,
        "surface": object,
    }
    assert {one.name for one in CONTEXT} <= set(found)


@pytest.mark.parametrize(
    ("offset_minutes", "hour", "weekend"),
    [(0, 12.5, False), (90, 14.0, False), (12 * 60, 0.5, True), (-780, 23.5, False)],
)
def test_the_clock_is_the_viewers_own(offset_minutes: int, hour: float, weekend: bool) -> None:
    found = local_clock(context_columns([NOON_US], ["tv"], [offset_minutes], ["home"]))
    assert [column.tolist() for column in found] == [[hour], [weekend]]


def test_a_viewer_without_a_session_is_in_none() -> None:
    user = {"user_activity_timestamp_us": np.array([NOON_US - 1]), "session_started_us": np.array([0])}
    inputs = FeatureInputs(user, {}, context_columns([NOON_US], ["tv"], [0], ["home"]))
    assert inputs.idle_us.tolist() == [1]
    assert inputs.in_session.tolist() == [False]
    assert inputs.clock is inputs.clock
