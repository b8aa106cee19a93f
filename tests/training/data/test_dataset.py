"""Ranking rows say what came of each exposure, and stay whole when some are taken."""

import numpy as np
import pyarrow as pa
from worlds.exposures import rows

from training.data.dataset import labels, long_view


def test_rows_that_are_taken_keep_all_their_columns_together() -> None:
    every = rows(8)
    some = every.take(np.array([5, 3]))
    assert some.video_ids.tolist() == [every.video_ids[5], every.video_ids[3]]
    assert some.columns["taste"].tolist() == every.columns["taste"][[5, 3]].tolist()
    assert some.labels["click"].tolist() == every.labels["click"][[5, 3]].tolist()


def test_what_came_of_an_exposure_is_worked_out_by_hand() -> None:
    #        clicked  seconds fraction liked  disliked shared
    shown = [
        (False, 0.0, 0.0, False, False, False),  # passed over
        (True, 95.0, 0.95, True, False, True),  # watched, liked and shared
        (True, 50.0, 0.50, False, True, False),  # half watched, disliked
        (True, 2.0, 0.02, False, False, False),  # left at once: a dislike
        (True, 0.0, 0.0, False, False, False),  # clicked, never played: not a skip
        (True, 250.0, 1.70, False, False, False),  # played more than once
    ]
    names = ("clicked", "watch_seconds", "watch_fraction", "liked", "disliked", "shared")
    table = pa.table({name: list(column) for name, column in zip(names, zip(*shown, strict=True), strict=True)})
    found = {name: column.tolist() for name, column in labels(table, np.full(6, 100.0)).items()}
    assert found["click"] == [0, 1, 1, 1, 1, 1]
    assert found["complete"] == [0, 1, 0, 0, 0, 1]
    assert found["long_view"] == [0, 1, 1, 0, 0, 1]
    assert found["share"] == [0, 1, 0, 0, 0, 0]
    assert found["like"] == [0, 1, 0, 0, 0, 0]
    assert found["dislike"] == [0, 0, 1, 1, 0, 0]
    assert found["watch_seconds"] == [0, 95, 50, 2, 0, 250]


def test_a_long_view_is_18_seconds_or_all_of_a_shorter_video_or_a_fortieth_of_a_film() -> None:
    watched = np.array([17.9, 18.0, 9.9, 10.0, 134.0, 135.0, 17.0, 18.0])
    duration = np.array([60.0, 60.0, 10.0, 10.0, 5400.0, 5400.0, 0.0, 0.0])  # 0 = not known
    assert long_view(watched, duration).tolist() == [False, True, False, True, False, True, False, True]
