"""The nearest of an index to the viewer's vector, among what may be shown."""

from __future__ import annotations

import numpy as np
import pytest
from worlds.asked import EVERYTHING, names, only, request

from models.candidates.sources import two_tower
from models.candidates.sources.vectors import Nearest
from models.retrieval.index import VideoIndex

ANGLES = np.linspace(0.0, 1.0, 6)
INDEX = VideoIndex.build(
    ["gone", "a", "b", "c", "d", "e"], np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
)
VECTOR = np.array([1.0, 0.0], dtype=np.float32)


def test_the_nearest_videos_of_the_catalog_come_first() -> None:
    source = Nearest(INDEX, lambda request: request.user_vector)
    assert names(source.find(request(user_vector=VECTOR), EVERYTHING, 4)) == "abcd"
    assert names(source.find(request(user_vector=VECTOR), only("bdf"), 4)) == "bd"  # f is not in the index


def test_a_long_page_looks_at_more() -> None:
    source = Nearest(INDEX, lambda request: request.user_vector)
    assert names(source.find(request(user_vector=VECTOR, limit=1), EVERYTHING, 1)) == "abc"


def test_of_a_viewer_without_a_vector_nothing_is_near() -> None:
    assert len(Nearest(INDEX, lambda request: None).find(request(), EVERYTHING, 4)) == 0


def test_the_two_tower_source_does_not_guess_a_vector() -> None:
    class Models:
        index = INDEX
        beside = None

    source = two_tower.SPEC.open(Models())  # type: ignore[arg-type]
    assert source is not None
    with pytest.raises(ValueError, match="needs the viewer's vector"):
        source.find(request(), EVERYTHING, 4)
