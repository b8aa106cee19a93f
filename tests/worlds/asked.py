"""A catalog of six videos and whoever asks about it: for tests of sources, whose answers can be worked out."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.allowed import Allowed
from models.catalog import CatalogTable, OfflineRequest

DAY_US = 86_400_000_000
NOW_US = 100 * DAY_US
CATALOG = CatalogTable(
    np.array(["a", "b", "c", "d", "e", "f"], dtype=object),
    {
        "creator_id": np.array(["x", "y", "x", "y", "z", ""], dtype=object),
        "series_id": np.array(["s", "s", "s", "", "t", "t"], dtype=object),
        "episode": np.array([1, 2, 3, 0, 1, 2]),
        "published_timestamp_us": NOW_US - np.array([50, 1, 2, 40, 3, 30]) * DAY_US,
        "video_watch_count_30d": np.array([5.0, 0.0, 9.0, 0.0, 1.0, 0.0]),
        "video_watch_count": np.array([50, 8, 9, 20, 1, 0]),
        "watch_decayed_1d": np.array([4.0, 0.0, 6.0, 0.0, 1.0, 0.0]),
        "video_activity_timestamp_us": NOW_US - np.array([0, 0, 1, 0, 0, 0]) * DAY_US,
        "genres": np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [0, 0]], dtype=np.float32),
    },
)
EVERYTHING = Allowed.of(np.ones(6, dtype=bool))


class Drawn(OfflineRequest):
    """A request in which chance has its part."""

    def rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(7)


def request(**given: Any) -> OfflineRequest:
    features = {
        "hidden_video_ids": [],
        "seen_video_ids": [],
        "creator_ids": [],
        "creator_weights": [],
        "genre_affinity": [0.0, 0.0],
        "history_video_ids": [],
        "history_watch_fractions": [],
        **given.pop("features", {}),
    }
    return Drawn(**{"catalog": CATALOG, "now_us": NOW_US, "features": features, **given})


def names(found: Any) -> str:
    return "".join(CATALOG.video_ids[found.rows])


def only(video_ids: str) -> Allowed:
    return Allowed.of(np.array([video_id in video_ids for video_id in CATALOG.video_ids]))
