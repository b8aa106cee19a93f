"""The nearest of an index that knows other videos than the catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.candidates.sources.vectors import Nearest
from models.catalog import OfflineRequest
from models.retrieval.index import VideoIndex

Ask = Callable[..., OfflineRequest]

INDEX = VideoIndex.build(["gone", "c", "d", "e"], np.array([[9, 0], [1, 0], [3, 0], [2, 1]], dtype=np.float32))


def test_the_nearest_allowed_videos_of_the_catalog_are_found(ask: Ask, unwatched: Any) -> None:
    source = Nearest(INDEX, lambda request: np.array([1.0, 0.0], dtype=np.float32))
    found = source.find(ask(), unwatched & (np.arange(6) != 4), 2)
    assert (found.rows.tolist(), found.scores.tolist()) == ([3, 2], [3.0, 1.0])


def test_a_viewer_without_a_vector_and_a_catalog_without_these_videos_find_nothing(ask: Ask, unwatched: Any) -> None:
    assert len(Nearest(INDEX, lambda request: None).find(ask(), unwatched, 2)) == 0
    source = Nearest(INDEX, lambda request: np.array([1.0, 0.0], dtype=np.float32))
    assert len(source.find(ask(), ~unwatched, 2)) == 0
