"""Catalogs of a store, drawn at random, and changes of them of every kind: for tests against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
from worlds.live import WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.snapshot_writer import SnapshotWriter

DAY_US = 86_400_000_000
NOW_US = 1_000 * DAY_US
COUNTRIES = ("DE", "AT", "US")
COUNTERS = ("video_watch_count", "watch_decayed_1d", "video_activity_timestamp_us")  # of the view that is streamed


def row(rng: np.random.Generator) -> dict[str, Any]:
    """A video; many are equal in what they are ordered by."""
    return {
        **{name: default_of(name) for name in VIDEO_FEATURES},
        "title": f"title {rng.integers(10**9)}",
        "published_timestamp_us": int(NOW_US + rng.integers(-60, 3) * DAY_US // 2),
        "expires_timestamp_us": int(rng.choice([0, 0, 0, NOW_US - DAY_US, NOW_US, NOW_US + DAY_US // 2])),
        "maturity": int(rng.choice([0, 7, 18])),
        "countries": [str(one) for one in rng.choice(COUNTRIES, rng.integers(0, 3), replace=False)],
        "creator_id": str(rng.choice(["", "x", "y", "z"])),
        "series_id": str(rng.choice(["", "", "s", "t"])),
        "episode": int(rng.integers(1, 9)),
        "video_watch_count_30d": float(rng.choice([0, 0, 1, 2, 50])),
        **counters(rng),
    }


def counters(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "video_watch_count": int(rng.choice([0, 1, 2, 900])),
        "watch_decayed_1d": float(rng.choice([0.0, 1.0, 1e-5, 30.0])),
        "video_activity_timestamp_us": int(NOW_US - rng.integers(0, 30) * DAY_US),
    }


def writer(rng: np.random.Generator, count: int) -> SnapshotWriter:
    return SnapshotWriter.of([f"v{n:05}" for n in range(count)], [row(rng) for _ in range(count)], WORLD)


def change(writer: SnapshotWriter, rng: np.random.Generator, known: int) -> int:
    """One change of any kind; gives the number of videos after it."""
    some = sorted({f"v{n:05}" for n in rng.integers(0, known + 3, 3)})
    kind = rng.integers(4)
    if kind == 0:
        writer.settle(some[:1], some[1:])
    elif kind == 1:
        held = [one for one in some if one in writer.snapshot().row_of]
        values = {**{name: default_of(name) for name in VIDEO_FEATURES}, **counters(rng)}
        writer.count(held, [values for _ in held], ("video_activity",))
    else:
        writer.publish(some, [row(rng) for _ in some])
    return len(writer.snapshot())
