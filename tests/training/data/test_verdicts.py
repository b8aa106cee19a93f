"""What viewers said of what they watched, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.core.home import Home
from feature_repo.lake.tables import EVENTS, VIDEOS, Lake
from training.data.splits import sequences, watches
from training.data.verdicts import Verdicts

HOUR_US = 3_600_000_000
START_US = 20_000 * 24 * HOUR_US
#        viewer hour event  video  seconds of 100
SAID = (
    ("u1", 1, "watch", "a", 95),  # finished
    ("u1", 2, "watch", "x", 3),  # broken off, before b
    ("u1", 3, "skip", "y", 0),  # broken off, before b
    ("u1", 4, "watch", "b", 50),  # begun
    ("u1", 5, "pause", "w", 0),  # it may be gone on from
    ("u1", 6, "watch", "c", 50),
    ("u1", 7, "like", "c", 0),  # liked
    ("u1", 8, "watch", "d", 100),
    ("u1", 9, "dislike", "d", 0),  # finished, and disliked
    ("u1", 10, "watch", "b", 2),  # it was watched before
    ("u1", 11, "watch", "e", 20),
    ("u1", 12, "like", "b", 0),  # after the last watch: an answer to a question may be as late
    ("u1", 13, "watch", "z", 1),
    ("u2", 1, "skip", "b", 0),  # before the first watch
    ("u2", 2, "watch", "x", 60),
    ("u2", 3, "like", "x", 0),
    ("u2", 4, "unlike", "x", 0),  # taken back
    ("u2", 5, "watch_complete", "a", 0),
    ("u3", 1, "skip", "a", 0),  # who watched nothing
)


def lake_of(folder: Path, said: tuple[tuple[str, int, str, str, int], ...] = SAID) -> Lake:
    home = Home(folder)
    lake = Lake(home)
    names = sorted({video for *_, video, _ in said})
    nothing: dict[str, Any] = {
        field.name: [] if pa.types.is_list(field.type) else "" if field.type == pa.string() else 0 for field in VIDEOS
    }
    videos = [nothing | {"video_id": video, "duration_seconds": 100.0} for video in names]
    rows = [
        dict.fromkeys(EVENTS.names, "")
        | {"event_id": str(at), "user_id": user, "video_id": video, "event": event, "sequence": 0, "position": -1}
        | {"timestamp_us": START_US + hour * HOUR_US, "watch_seconds": float(seconds), "duration_seconds": 100.0}
        for at, (user, hour, event, video, seconds) in enumerate(said)
    ]
    lake.write_videos(pa.Table.from_pylist(videos, schema=VIDEOS))
    lake.write_events(pa.Table.from_pylist(rows[::-1], schema=EVENTS))
    return lake


def test_finished_and_liked_watches_are_strong_and_what_was_broken_off_is_none(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    train = sequences(watches(lake))
    found = Verdicts.of(lake, train)
    assert list(zip(train.video_ids, found.strong_N, strict=True)) == [
        ("a", True),
        ("b", False),
        ("c", True),
        ("d", False),
        ("e", False),
        ("x", False),
        ("a", True),
    ]
    assert list(zip(found.before_P, found.broken_P, strict=True)) == [(1, "x"), (1, "y"), (5, "b")]


def test_what_was_said_after_the_last_watch_that_is_trained_on_is_not_known(tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    train = sequences(watches(lake), START_US + 7 * HOUR_US)  # before the like of c
    found = Verdicts.of(lake, train)
    assert dict(zip(train.video_ids[:3], found.strong_N[:3], strict=True)) == {"a": True, "b": False, "c": False}
    whole = sequences(watches(lake))
    assert found.digest() != Verdicts.of(lake, whole).digest()
    nobody = Verdicts.of(lake, whole.keep(np.zeros(len(whole.video_ids), dtype=bool)))
    assert (len(nobody.strong_N), len(nobody.before_P)) == (0, 0)
