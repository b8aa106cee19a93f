"""The candidates of one request as an immutable table: all columns are reordered together.

Parallel arrays get out of step; a table cannot. Every change gives a new table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.candidates.columns import FROM, ROW

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Candidates:
    """N distinct videos of one snapshot. The column `row` (N,) int64 is each video's row in the snapshot.

    A missing value is NaN in a float column and -1 in an integer column.
    """

    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of one length expected, found {lengths}")

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
        at = np.arange(len(rows))
        first = np.empty(int(rows.max(initial=-1)) + 1, dtype=np.int64)  # only read where it was written
        first[rows[::-1]] = at[::-1]  # among equal rows the last write wins, which is the first in order
        merged = {ROW: rows[first[rows] == at]}
        place = first  # reused: the place of each row in the result
        place[merged[ROW]] = np.arange(len(merged[ROW]))
        for table in tables:
            for name, column in table.columns.items():
                if name not in merged:
                    merged[name] = np.full(
                        len(merged[ROW]), np.nan if column.dtype.kind == "f" else -1, dtype=column.dtype
                    )
        for table in reversed(tables):
            for name, column in table.columns.items():
                merged[name][place[table.rows]] = column
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
        if at.dtype != np.bool_:
            at = at.astype(np.int64)
        return Candidates({name: column[at] for name, column in self.columns.items()})

    def without(self, places: Array | Sequence[int]) -> Candidates:
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
        found: list[dict[str, float]] = [{} for _ in range(len(self))]
        for name, column in self.columns.items():
            if name.startswith(FROM):
                for place in np.flatnonzero(~np.isnan(column)).tolist():
                    found[place][name[len(FROM) :]] = float(column[place])
        return found
