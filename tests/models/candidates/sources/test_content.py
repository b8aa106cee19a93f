"""Neighbours by content, where the release has them."""

from types import SimpleNamespace

import numpy as np

from models.candidates.item_cf import ItemNeighbours
from models.candidates.sources.content import SPEC
from models.candidates.sources.neighbours import Neighbours

MODEL = ItemNeighbours(["a"], np.full((1, 1), -1, dtype=np.int32), np.zeros((1, 1), dtype=np.float32))


def test_it_asks_the_neighbours_by_content() -> None:
    source = SPEC.open(SimpleNamespace(item_cf=None, content=MODEL))  # type: ignore[arg-type]
    assert isinstance(source, Neighbours)
    assert source._neighbours is MODEL


def test_a_release_without_them_has_no_such_source() -> None:
    assert SPEC.open(SimpleNamespace(content=None)) is None  # type: ignore[arg-type]
