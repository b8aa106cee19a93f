"""The ids of an index by row, and the row of each id: arrays that processes map from one file each.

Python's objects for the ids of a million videos would be the largest part of what a process does not share.

N rows of an index, H of them hold a video.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.row_map import HashedIds, hashes_of
from feature_repo.core.texts import PackedTexts, Texts, Words

Array = np.ndarray[Any, Any]

IDS_FILE = "ids.json"  # what releases of older revisions have alone
ARRAYS = ("codes", "offsets", "data", "hashes", "rows")  # ids-NAME.npy, made of it
AT_ONCE = 16_384  # ids that are hashed together


class IndexIds(Sequence[str]):
    """Never changed. "" where a video was removed."""

    def __init__(self, texts: Texts, hashed: HashedIds | None = None) -> None:
        """`hashed`: of the rows that hold a video; computed when it is needed, if not given."""
        self._texts = texts
        if hashed is not None:
            self._hashed = hashed

    @classmethod
    def of(cls, video_ids: Iterable[str]) -> IndexIds:
        packed = PackedTexts.of("string", video_ids)
        return cls(Texts(packed.codes, Words("string", packed.offsets[0], packed.data[0])))

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, row: Any) -> Any:
        """A row's id; of several rows, an array of them."""
        return self._texts[row]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def of_rows(self, rows: Array) -> Array:
        """Object ids of rows in any shape; "" for -1."""
        found = np.full(rows.size, "", dtype=object)
        is_row = rows.ravel() >= 0
        found[is_row] = self._texts[rows.ravel()[is_row]]
        return found.reshape(rows.shape)

    @cached_property
    def row_of(self) -> RowOf:
        """The row of each video that is held."""
        return RowOf(self._hashed)

    def save(self, directory: Path) -> None:
        (directory / IDS_FILE).write_text(json.dumps(list(self)) + "\n")
        packed = self._texts.packed()
        arrays = (packed.codes, packed.offsets[0], packed.data[0], self._hashed.hashes, self._hashed.rows)
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(_file(directory, name), array)

    @classmethod
    def load(cls, directory: Path) -> IndexIds:
        if not all(_file(directory, name).exists() for name in ARRAYS):
            return cls.of(json.loads((directory / IDS_FILE).read_text()))
        codes, offsets, data, hashes, rows = (np.asarray(np.load(_file(directory, name), "r")) for name in ARRAYS)
        texts = Texts(codes, Words("string", offsets, data))
        return cls(texts, HashedIds(texts, hashes, rows))

    @cached_property
    def _hashed(self) -> HashedIds:
        ids = iter(self._texts)
        pieces = [np.zeros(0, dtype=np.uint64)]
        held = [np.zeros(0, dtype=bool)]
        while some := list(islice(ids, AT_ONCE)):
            pieces.append(hashes_of(some))
            held.append(np.fromiter(map(bool, some), dtype=bool, count=len(some)))
        rows = np.flatnonzero(np.concatenate(held)).astype(np.int32)
        hashes = np.concatenate(pieces)[rows]
        order = np.argsort(hashes, kind="stable")
        return HashedIds(self._texts, hashes[order], rows[order])


class RowOf(Mapping[str, int]):
    """The row of each video that is held; many at once are looked up sooner than one after another."""

    def __init__(self, hashed: HashedIds) -> None:
        self._hashed = hashed

    def __getitem__(self, video_id: str) -> int:
        if (row := self._hashed.get(video_id)) < 0:
            raise KeyError(video_id)
        return row

    def many(self, video_ids: Sequence[str]) -> Array:
        """(K,) int64, -1 = not held."""
        return self._hashed.many(video_ids)

    def __len__(self) -> int:
        return len(self._hashed)

    def __iter__(self) -> Iterator[str]:
        return (video_id for video_id in self._hashed.ids if video_id)


def _file(directory: Path, name: str) -> Path:
    return directory / f"ids-{name}.npy"
