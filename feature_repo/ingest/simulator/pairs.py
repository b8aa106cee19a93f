"""What is known of few of the many pairs of a viewer and a video or creator: in a large world a table would not fit."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Pairs:
    """A number per pair, 0 of a pair that was never added; as a dense array of float32 would hold it."""

    def __init__(self, things: int) -> None:
        self._things = things
        self._keys = np.empty(0, dtype=np.int64)  # viewer * things + thing, ascending
        self._values = np.empty(0, dtype=np.float32)

    def add(self, viewers: Array, things: Array, numbers: Array | float) -> None:
        """Add a number to each pair; a pair may come several times."""
        keys = viewers * self._things + things
        new = np.setdiff1d(keys, self._keys)
        places = np.searchsorted(self._keys, new)
        self._keys, self._values = np.insert(self._keys, places, new), np.insert(self._values, places, 0.0)
        np.add.at(self._values, np.searchsorted(self._keys, keys), numbers)

    def contain(self, viewers: Array, things: Array) -> Array:
        """Whether each pair was added."""
        _, found = self._found(viewers, things)
        return found

    def numbers(self, viewers: Array, things: Array) -> Array:
        """The number of each pair; the arguments are broadcast."""
        at, found = self._found(viewers, things)
        return np.where(found, self._values[at] if len(self._values) else np.float32(0), np.float32(0))

    def of(self, viewers: Array) -> tuple[Array, Array]:
        """All pairs of these viewers: positions in `viewers`, and things."""
        first = np.searchsorted(self._keys, viewers * self._things)
        counts = np.searchsorted(self._keys, (viewers + 1) * self._things) - first
        position = np.repeat(np.arange(len(viewers)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self._keys[np.repeat(first, counts) + within] % self._things

    def counts(self, viewers: int) -> Array:
        """(U,) the number of pairs of each of the first viewers."""
        return np.bincount(self._keys // self._things, minlength=viewers)

    def _found(self, viewers: Array, things: Array) -> tuple[Array, Array]:
        keys = viewers * self._things + things
        at = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        found = self._keys[at] == keys if len(self._keys) else np.zeros(keys.shape, dtype=bool)
        return at, found
