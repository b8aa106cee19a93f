"""The newest watches as the ranker reads them: at the end, with ages, and nothing that has not happened yet."""

from collections.abc import Sequence

import numpy as np

from feature_repo.compute.fold import DAY_US
from feature_repo.compute.past import PAST, PAST_COLUMNS, past_columns

NOW_US = 1_750_000_000_000_000


def lists(*values: Sequence[object]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def user(*histories: list[str]) -> dict[str, np.ndarray]:
    """Each viewer watched the last video a day ago, the one before two days ago, …, and half of each."""
    times = [[NOW_US - (len(h) - at) * DAY_US for at in range(len(h))] for h in histories]
    return {
        "history_video_ids": lists(*histories),
        "history_timestamps_us": lists(*times),
        "history_watch_fractions": lists(*([0.5] * len(h) for h in histories)),
    }


def test_the_newest_watches_stand_at_the_end_and_nothing_before_them() -> None:
    found = past_columns(user(["a", "b"], []), np.array([NOW_US]))
    assert tuple(found) == PAST_COLUMNS
    ids, ages, fractions = found.values()
    assert ids[0].tolist() == [""] * (PAST - 2) + ["a", "b"]
    assert ages[0].tolist() == [0.0] * (PAST - 2) + [2.0, 1.0]
    assert fractions[0].tolist() == [0.0] * (PAST - 2) + [0.5, 0.5]
    assert set(ids[1]) == {""}
    assert not ages[1].any()


def test_of_a_long_history_the_oldest_are_left_out() -> None:
    history = [f"v{at}" for at in range(PAST + 5)]
    assert past_columns(user(history), np.array([NOW_US]))["past_video_ids"][0].tolist() == history[5:]


def test_a_watch_of_later_is_of_no_age() -> None:
    assert past_columns(user(["a"]), np.array([NOW_US - 3 * DAY_US]))["past_ages"][0, -1] == 0.0


def test_a_history_that_rows_share_is_that_of_each_with_its_own_moment() -> None:
    columns = user(["a", "b"])
    both = {name: lists(column[0], column[0]) for name, column in columns.items()}
    found = past_columns(both, np.array([NOW_US, NOW_US + DAY_US]))
    assert found["past_video_ids"][0].tolist() == found["past_video_ids"][1].tolist()
    assert found["past_ages"][:, -1].tolist() == [1.0, 2.0]
