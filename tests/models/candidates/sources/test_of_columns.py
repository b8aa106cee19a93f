"""What is computed of columns is kept until they are others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from models.candidates.sources.of_columns import OfColumns


def catalog(**columns: Any) -> Any:
    return SimpleNamespace(columns=columns)


def test_it_is_computed_again_only_when_a_column_is_another() -> None:
    calls: list[int] = []

    def total(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        calls.append(1)
        summed: np.ndarray = a + b
        return summed

    kept, one, two = OfColumns(("a", "b"), total), np.arange(3), np.ones(3)
    assert kept.of(catalog(a=one, b=two, c=0)).tolist() == [1, 2, 3]
    assert kept.of(catalog(a=one, b=two, c=1)).tolist() == [1, 2, 3]
    assert len(calls) == 1
    assert kept.of(catalog(a=one, b=two.copy(), c=1)).tolist() == [1, 2, 3]
    assert len(calls) == 2
    assert kept.of(catalog(a=one * 2, b=two)).tolist() == [1, 3, 5]
    assert len(calls) == 3


def test_the_columns_are_not_held() -> None:
    kept, one = OfColumns(("a",), lambda a: a.sum()), np.arange(3)
    kept.of(catalog(a=one))
    refs = list(kept._held[0]) if kept._held else []
    del one
    assert [ref() for ref in refs] == [None]
