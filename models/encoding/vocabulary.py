"""Vocabularies: the categorical values that a model knows, and their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from feature_repo.compute.columns import Shared

Array = np.ndarray[Any, Any]
MIN_COUNT = 20  # a rarer value is encoded as unknown, so that a model learns what unknown means


@dataclass(frozen=True)
class Vocabulary:
    """`values[k]` has the code `first + k`; every other value has the code `first - 1`."""

    values: tuple[str, ...] = ()
    first: int = 1
    _code_of: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_code_of", {value: code for code, value in enumerate(self.values, start=self.first)})

    @classmethod
    def of_frequent(cls, column: Array) -> Vocabulary:
        """The values that a column holds at least MIN_COUNT times, except for the empty string."""
        values, counts = np.unique(column.astype(str), return_counts=True)
        return cls(tuple(values[(counts >= MIN_COUNT) & (values != "")].tolist()))

    def __len__(self) -> int:
        return len(self.values)

    def codes(self, column: Sequence[str] | Array | Shared) -> Array:
        """(N,) int64."""
        unknown = self.first - 1
        if isinstance(column, Shared):
            return np.full(len(column), self._code_of.get(column.value[0], unknown), dtype=np.int64)
        code_of = self._code_of
        return np.fromiter((code_of.get(value, unknown) for value in column), dtype=np.int64, count=len(column))
