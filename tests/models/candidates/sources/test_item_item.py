"""Item-item neighbours are those of the release."""

from types import SimpleNamespace

import numpy as np

from models.candidates.item_cf import ItemNeighbours
from models.candidates.sources.item_item import SPEC
from models.candidates.sources.neighbours import Neighbours

MODEL = ItemNeighbours(["a"], np.full((1, 1), -1, dtype=np.int32), np.zeros((1, 1), dtype=np.float32))


def test_it_asks_the_neighbours_by_viewers() -> None:
    source = SPEC.open(SimpleNamespace(item_cf=MODEL, content=None))  # type: ignore[arg-type]
    assert isinstance(source, Neighbours)
    assert source._neighbours is MODEL
