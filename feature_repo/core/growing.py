"""Arrays that grow and change while views of them stay as they are: each edition of the catalog is a set of views.

A row that is appended goes into room behind the end of every earlier view. A row that is rewritten needs another
buffer, since somebody may be reading this one: the buffer of the edition before, as soon as nobody holds a view of it,
which only lacks what has changed since. While it is held, the column is copied.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ROOM = 1 / 8  # behind the end, as a share of the rows, when a buffer is made
LEAST_ROOM = 64
MOST_BEHIND = 64  # changes; a buffer that lacks more is given up


class GrowingColumn:
    """One writer, any number of readers of its views."""

    def __init__(self, values: Array) -> None:
        self._size = len(values)
        self._buffer = self._with_room(values)
        self._lone = np.empty(0)  # nobody holds a view of it: what a free buffer's count of references looks like
        self._view = self._buffer[: self._size]
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
            self._buffer, self._spare, self._behind = self._with_room(self.view(), end), None, []
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
            return self._buffer.copy()
        for rows, values in self._behind:
            spare[rows] = values
        return spare

    @staticmethod
    def _with_room(values: Array, least: int = 0) -> Array:
        """A copy with room for at least so many rows. Room that is not written to takes no memory."""
        size = max(len(values), least)
        grown = np.empty((size + max(int(size * ROOM), LEAST_ROOM), *values.shape[1:]), dtype=values.dtype)
        grown[: len(values)] = values
        return grown

    def _fall_behind(self, rows: Array, values: Array) -> None:
        if self._spare is None:
            return
        self._behind.append((rows, values))
        if len(self._behind) > MOST_BEHIND:
            self._spare, self._behind = None, []
