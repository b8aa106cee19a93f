"""Arrays that grow and change while views of them stay as they are: each edition of the catalog is a set of views.

A row that is appended goes into room behind the end of every earlier view. A row that is rewritten needs another
buffer, since somebody may be reading this one: the buffer of the edition before, as soon as nobody holds a view of it,
which only lacks what has changed since. While it is held, the column is copied.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ROOM = 1 / 8  # behind the end, as a share of the rows, when a buffer is made
LEAST_ROOM = 64
MOST_BEHIND = 64  # changes; a buffer that lacks more is given up
STRETCH_BYTES = 4096  # of a mapped buffer: what the system copies when a byte of it is written


class GrowingColumn:
    """One writer, any number of readers of its views."""

    def __init__(self, values: Array) -> None:
        self._begin(_with_room(values), len(values))

    def _begin(self, buffer: Array, size: int) -> None:
        self._size = size
        self._buffer = buffer
        self._lone = np.empty(0)  # nobody holds a view of it: what a free buffer's count of references looks like
        self._view = self._buffer[:size]
        self._spare: Array | None = None
        self._behind: list[tuple[Array, Array]] = []  # what the spare buffer lacks: rows and their values

    def __len__(self) -> int:
        return self._size

    def view(self) -> Array:
        """(N, ...) the rows as of now, the same object until one changes; must not be written to."""
        return self._view

    def append(self, values: Array) -> None:
        start, end = self._size, self._size + len(values)
        if end > len(self._buffer):
            self._make_room(end)
        self._buffer[start:end] = values
        self._size, self._view = end, self._buffer[:end]
        self._fall_behind(np.arange(start, end), values)

    def rewrite(self, rows: Array, values: Array) -> None:
        """Give these rows other values, in a buffer that nobody holds."""
        buffer = self._free_buffer()
        buffer[rows] = values
        self._spare, self._buffer, self._behind = self._buffer, buffer, [(rows, values)]
        self._view = buffer[: self._size]

    def _free_buffer(self) -> Array:
        spare, lone = self._spare, self._lone
        if spare is None or sys.getrefcount(spare) > sys.getrefcount(lone):
            return self._copy()
        for rows, values in self._behind:
            spare[rows] = values
        return spare

    def _copy(self) -> Array:
        return self._buffer.copy()

    def _make_room(self, least: int) -> None:
        self._buffer, self._spare, self._behind = _with_room(self.view(), least), None, []

    def _fall_behind(self, rows: Array, values: Array) -> None:
        if self._spare is None:
            return
        self._behind.append((rows, values))
        if len(self._behind) > MOST_BEHIND:
            self._spare, self._behind = None, []


class MappedColumn(GrowingColumn):
    """A column over a file that is mapped copy-on-write: a row that changes costs its stretch, in each buffer."""

    def __init__(self, size: int, map_it: Callable[[], Array]) -> None:
        """`map_it` maps the column as it is on file: its `size` rows, and room behind them.

        It gives an array that is no view of another: by its references one could not tell who holds a view of it.
        """
        buffer = map_it()
        self._begin(buffer, size)
        assert self._view.base is buffer
        self._map_it: Callable[[], Array] | None = map_it
        self._stretch = max(STRETCH_BYTES // max(buffer[:1].nbytes, 1), 1)  # rows
        self._written = np.zeros(-(-len(buffer) // self._stretch), dtype=bool)

    def append(self, values: Array) -> None:
        start = self._size
        super().append(values)
        self._mark(np.arange(start, self._size))

    def rewrite(self, rows: Array, values: Array) -> None:
        super().rewrite(rows, values)
        self._mark(rows)

    def _mark(self, rows: Array) -> None:
        if self._map_it is not None:
            self._written[rows // self._stretch] = True

    def _copy(self) -> Array:
        if self._map_it is None:
            return super()._copy()
        buffer = self._map_it()
        for start in np.flatnonzero(self._written) * self._stretch:
            buffer[start : start + self._stretch] = self._buffer[start : start + self._stretch]
        return buffer

    def _make_room(self, least: int) -> None:
        super()._make_room(least)
        self._map_it = None  # the file has no room for so many


def room_for(rows: int) -> int:
    """Of a buffer for so many rows: with room behind them."""
    return rows + max(int(rows * ROOM), LEAST_ROOM)


def _with_room(values: Array, least: int = 0) -> Array:
    """A copy with room for at least so many rows. Room that is not written to takes no memory."""
    grown = np.empty((room_for(max(len(values), least)), *values.shape[1:]), dtype=values.dtype)
    grown[: len(values)] = values
    return grown
