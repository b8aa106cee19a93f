"""Video id -> row of a catalog that grows, as an immutable view of a map that all editions share.

Copying a dict of a million ids takes 40 ms and 100 MiB. Since rows are only appended, an earlier edition is the same
map without the rows that lie behind its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from typing import Any

import mmh3
import numpy as np

from feature_repo.core.texts import Texts

Array = np.ndarray[Any, Any]

MOST_REMEMBERED = 1 << 16  # answers that are kept for ids of a file


class RowMap(Mapping[str, int]):
    """The first `size` ids of `rows`."""

    __slots__ = ("_rows", "_size")

    def __init__(self, rows: IdRows, size: int) -> None:
        self._rows = rows
        self._size = size

    @classmethod
    def of(cls, video_ids: Iterable[str]) -> RowMap:
        rows = IdRows()
        rows.append(list(video_ids))
        return cls(rows, len(rows))

    def __getitem__(self, video_id: str) -> int:
        row = self._rows.get(video_id)
        if not 0 <= row < self._size:
            raise KeyError(video_id)
        return row

    def __contains__(self, video_id: object) -> bool:
        return isinstance(video_id, str) and 0 <= self._rows.get(video_id) < self._size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return self._rows.first(self._size)

    def hashed(self) -> tuple[Array, Array]:
        """(N,) uint64 hashes of the ids, ascending, and (N,) int32 their rows: what HashedIds needs."""
        return self._rows.hashed(self._size)

    def many(self, video_ids: Iterable[str]) -> Array:
        """(N,) int64 rows, -1 = not in the catalog."""
        rows = self._rows.many(video_ids)
        rows[rows >= self._size] = -1
        return rows


class IdRows:
    """Ids and their rows, counted from 0 in the order of insertion: those of a file, and behind them those added.

    One writer, any number of readers.
    """

    def __init__(self, filed: HashedIds | None = None) -> None:
        self._filed = filed
        self._filed_size = 0 if filed is None else len(filed)
        self._added: dict[str, int] = {}

    def __len__(self) -> int:
        return self._filed_size + len(self._added)

    def __contains__(self, video_id: str) -> bool:
        return self.get(video_id) >= 0

    def get(self, video_id: str) -> int:
        """-1 = unknown."""
        row = self._added.get(video_id, -1)
        return row if row >= 0 or self._filed is None else self._filed.get(video_id)

    def many(self, video_ids: Iterable[str]) -> Array:
        """(N,) int64 rows, -1 = unknown."""
        if self._filed is None:
            return np.fromiter(map(self._added.get, video_ids, repeat(-1)), dtype=np.int64)
        ids = video_ids if isinstance(video_ids, list) else list(video_ids)
        if not self._added:
            return self._filed.many(ids)
        rows = np.fromiter(map(self._added.get, ids, repeat(-1)), dtype=np.int64, count=len(ids))
        others = np.flatnonzero(rows < 0)
        rows[others] = self._filed.many([ids[at] for at in others.tolist()])
        return rows

    def append(self, video_ids: Sequence[str]) -> None:
        """Ids that are not there yet."""
        self._added.update(zip(video_ids, range(len(self), len(self) + len(video_ids)), strict=True))

    def first(self, size: int) -> Iterator[str]:
        if self._filed is not None:
            yield from islice(self._filed.ids, size)
        yield from list(self._added)[: max(size - self._filed_size, 0)]  # list(dict) is atomic: it may grow meanwhile

    def hashed(self, size: int) -> tuple[Array, Array]:
        """RowMap.hashed of the first `size` ids."""
        added = list(self._added)[: max(size - self._filed_size, 0)]
        hashes = hashes_of(added)
        rows = np.arange(self._filed_size, self._filed_size + len(added), dtype=np.int32)
        if self._filed is not None:
            hashes = np.concatenate([self._filed.hashes, hashes])
            rows = np.concatenate([self._filed.rows, rows])
        order = np.argsort(hashes, kind="stable")
        return hashes[order], rows[order]


class HashedIds:
    """Ids and their rows as sorted arrays that processes can map from one file, instead of a dict in each."""

    def __init__(self, ids: Texts, hashes: Array, rows: Array) -> None:
        """`hashes` (N,) uint64, ascending, and the row of each."""
        self.ids = ids
        self.hashes = hashes
        self.rows = rows
        self._remembered: dict[str, int] = {}  # most ids are asked for again and again

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, video_id: str) -> int:
        row = self._remembered.get(video_id, -1)
        return row if row >= 0 else int(self._look_up([video_id])[0])

    def many(self, video_ids: Sequence[str]) -> Array:
        rows = np.fromiter(map(self._remembered.get, video_ids, repeat(-1)), dtype=np.int64, count=len(video_ids))
        others = np.flatnonzero(rows < 0)
        if len(others):
            rows[others] = self._look_up([video_ids[at] for at in others.tolist()])
        return rows

    def _look_up(self, video_ids: Sequence[str]) -> Array:
        wanted = hashes_of(video_ids)
        places = np.searchsorted(self.hashes, wanted)
        rows = np.full(len(video_ids), -1, dtype=np.int64)
        waiting = np.arange(len(video_ids))
        while len(waiting):
            waiting = waiting[places[waiting] < len(self.hashes)]
            waiting = waiting[self.hashes[places[waiting]] == wanted[waiting]]
            found = self.rows[places[waiting]]
            is_it = np.fromiter(
                (video_ids[at] == one for at, one in zip(waiting.tolist(), self.ids[found], strict=True)),
                dtype=bool,
                count=len(waiting),
            )
            rows[waiting[is_it]] = found[is_it]
            waiting = waiting[~is_it]  # another id of the same hash: it is beside this one
            places[waiting] += 1
        self._remember(video_ids, rows)
        return rows

    def _remember(self, video_ids: Sequence[str], rows: Array) -> None:
        if len(self._remembered) + len(video_ids) > MOST_REMEMBERED:
            self._remembered = {}
        known = zip(video_ids, rows.tolist(), strict=True)
        self._remembered.update([(one, row) for one, row in known if row >= 0][:MOST_REMEMBERED])


def hashes_of(video_ids: Sequence[str]) -> Array:
    """(N,) uint64. An id may come from anybody, and hold half of a surrogate pair."""
    whole = (mmh3.hash64(one.encode("utf-8", "surrogatepass"), signed=False)[0] for one in video_ids)
    return np.fromiter(whole, dtype=np.uint64, count=len(video_ids))
