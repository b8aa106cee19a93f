"""A rating becomes a watch, and a clear one a reaction too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.lake.tables import Lake


def _log(home: Home) -> list[tuple[str, str, str]]:
    return [(row["user_id"], row["video_id"], row["event"]) for row in Lake(home).events().to_pylist()]


def test_a_rating_is_a_watch_and_a_clear_one_a_reaction_too(home: Home, dat: Path) -> None:
    summary = movielens.ingest(home, dat)
    assert (summary["ratings"], summary["events"], summary["videos"], summary["users"]) == (4, 7, 3, 3)
    assert (summary["first_day"], summary["last_day"]) == ("2000-12-31", "2001-01-01")
    assert _log(home) == [
        ("1", "7", "watch"),
        ("1", "7", "like"),
        ("1", "1", "watch"),
        ("1", "2", "watch"),
        ("1", "2", "dislike"),
        ("2", "1", "watch"),
        ("2", "1", "like"),
    ]
    times = Lake(home).events()["timestamp_us"].to_numpy()
    assert (np.diff(times) > 0).all()
    assert (times[:5] // 1_000_000 == 978300760).all()
