"""Six videos that one can rank by hand, and a viewer of the first two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.allowed import Allowed
from models.catalog import CatalogTable, OfflineRequest

DAY_US = 86_400_000_000
NOW_US = 100 * DAY_US
IDS = ("a", "b", "c", "d", "e", "f")
FEATURES = {
    "hidden_video_ids": [],
    "history_video_ids": ["a", "b"],
    "history_watch_fractions": [0.5, 1.0],
    "creator_ids": ["x"],
    "creator_weights": [1.0],
    "genre_affinity": np.array([1.0, 0.0]),
}


class Seeded(OfflineRequest):
    """A question that may draw, as a page's."""

    def rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(len(purpose))


@pytest.fixture
def catalog() -> CatalogTable:
    columns: dict[str, Any] = {
        "creator_id": np.array(["x", "", "x", "y", "x", "y"], dtype=object),
        "series_id": np.array(["s", "", "s", "", "s", ""], dtype=object),
        "episode": np.array([1, 0, 2, 0, 3, 0]),
        "genres": np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], dtype=np.float32),
        "published_timestamp_us": NOW_US - np.array([90, 40, 20, 10, 0, -1]) * DAY_US,
        "video_watch_count": np.array([9, 8, 7, 6, 5, 4]),
        "video_watch_count_30d": np.array([0.0, 1.0, 2.0, 5.0, 3.0, 0.0]),
        "watch_decayed_1d": np.array([0.0, 2.0, 4.0, 1.0, 0.0, 3.0]),
        "video_activity_timestamp_us": np.array([NOW_US, NOW_US, NOW_US - 2 * DAY_US, NOW_US, NOW_US, NOW_US]),
    }
    return CatalogTable(np.array(IDS, dtype=object), columns)


@pytest.fixture
def ask(catalog: CatalogTable) -> Callable[..., OfflineRequest]:
    """A request of the viewer; what is given replaces what the viewer has."""

    def request(limit: int = 1, country: str = "", user_vector: Any = None, **features: Any) -> OfflineRequest:
        known = {**FEATURES, **features}
        history = known["history_video_ids"]
        return Seeded(catalog, NOW_US, country, 18, history, known, user_vector, limit=limit)

    return request


@pytest.fixture
def unwatched() -> Allowed:
    """Every video but the two that the viewer watched."""
    return Allowed.of(np.array([False, False, True, True, True, True]))
