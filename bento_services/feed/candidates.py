"""The candidates of one request as an immutable table: all columns are reordered together.

Parallel arrays get out of step; a table cannot. Every change gives a new table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from models.candidates.columns import BOOST, FROM, ROW, SCORE

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Candidates:
    """N distinct videos of one snapshot. The column `row` (N,) int64 is each video's row in the snapshot.

    A missing value is NaN in a float column and -1 in an integer column.
    """

    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        if isinstance(self.columns, dict):  # other columns were taken from a table
            _require_one_length(self.columns)

    @classmethod
    def found(
        cls, source: str, rows: Array | Sequence[int], scores: Array | Sequence[float], **columns: Array
    ) -> Candidates:
        """The result of one source: snapshot rows and the source's score of each, best first."""
        extra = {name: np.asarray(column) for name, column in columns.items()}
        return cls(
            {ROW: np.asarray(rows, dtype=np.int64), FROM + source: np.asarray(scores, dtype=np.float32), **extra}
        )

    @classmethod
    def merged(cls, found: Iterable[Candidates]) -> Candidates:
        """The union of tables, each video once; if two tables have a value for a video, the first table's is kept."""
        tables = [table for table in found if len(table)]
        rows = np.concatenate([table.rows for table in tables]) if tables else np.zeros(0, dtype=np.int64)
        distinct, first = np.unique(rows, return_index=True)
        order = np.argsort(first)
        merged = {ROW: distinct[order]}
        place = np.argsort(order)  # of each of `distinct` in the result
        for table in tables:
            for name, column in table.columns.items():
                if name not in merged:
                    merged[name] = np.full(
                        len(merged[ROW]), np.nan if column.dtype.kind == "f" else -1, dtype=column.dtype
                    )
        for table in reversed(tables):
            at = place[np.searchsorted(distinct, table.rows)]
            for name, column in table.columns.items():
                merged[name][at] = column
        return cls(merged)

    def __len__(self) -> int:
        return len(self.columns[ROW])

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    @property
    def rows(self) -> Array:
        return self.columns[ROW]

    def take(self, order: Array | Sequence[int]) -> Candidates:
        """The candidates at these places, in this order; or those where a boolean mask is true."""
        at = np.asarray(order)
        return Candidates(_Taken(self.columns, np.flatnonzero(at) if at.dtype == np.bool_ else at.astype(np.int64)))

    def without(self, places: Array | Sequence[int]) -> Candidates:
        if not len(places):
            return self
        left = np.ones(len(self), dtype=bool)
        left[np.asarray(places, dtype=np.int64)] = False
        return self.take(left)

    def with_columns(self, columns: Mapping[str, Array]) -> Candidates:
        return Candidates({**self.columns, **columns})

    def score_of(self, source: str) -> Array:
        """(N,) the score that the source gave; NaN where it did not find the video."""
        name = FROM + source
        return self.columns[name] if name in self.columns else np.full(len(self), np.nan, dtype=np.float32)

    def is_from(self, source: str) -> Array:
        return ~np.isnan(self.score_of(source))

    def provenance(self) -> list[dict[str, float]]:
        """For each candidate: source -> its score, in the order in which the sources were called."""
        sources = [name for name in self.columns if name.startswith(FROM)]
        if not sources:
            return [{} for _ in range(len(self))]
        names = [name[len(FROM) :] for name in sources]
        scores = np.stack([self.columns[name] for name in sources], axis=1).tolist()
        return [
            {name: score for name, score in zip(names, of_one, strict=True) if not isnan(score)} for of_one in scores
        ]


class _Taken(Mapping[str, Array]):
    """The columns of a table at some places; each is taken when it is first read, as most never are."""

    def __init__(self, columns: Mapping[str, Array], at: Array) -> None:
        self._columns: Mapping[str, Array] = columns
        self._at: Array = at
        if isinstance(columns, _Taken):
            self._columns, self._at = columns._columns, columns._at[at]
        self._read: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        column = self._read.get(name)
        if column is None:
            column = self._read[name] = self._columns[name][self._at]
        return column

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def _require_one_length(columns: Mapping[str, Array]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of one length expected, found {lengths}")


def multiplied(candidates: Candidates, factor: Array) -> dict[str, Array]:
    """Score and boost multiplied by (N,) factors; scores of 0 and below stay as they are."""
    score, before = candidates[SCORE], candidates[BOOST] if BOOST in candidates else np.ones(len(candidates))
    return {SCORE: np.where(score > 0, score * factor, score).astype(np.float32), BOOST: before * factor}
