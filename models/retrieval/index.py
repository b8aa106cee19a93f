"""The retrieval index: inner product over video vectors, with filters; an immutable value, replaced as a whole.

Exact up to IVF_ABOVE videos (0.5 ms for 50,000, less with a filter); inverted lists above. The only module that uses
faiss. No HNSW, on purpose: it cannot remove vectors, and loses recall under filters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np

Array = np.ndarray[Any, Any]

IVF_ABOVE = 100_000
PROBES = 32
INDEX_FILE, IDS_FILE = "videos.faiss", "ids.json"

faiss.omp_set_num_threads(1)  # two threads do not help one query, and a server answers several at once


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """`ids[row]` is the video with faiss id `row`; "" where a video was removed. Rows are never reused.

    An index is never changed, since another thread may be searching it: `with_added` and `without` give a new one at
    the cost of a copy, about 15 ms for 100,000 vectors of 64 numbers.
    """

    ids: tuple[str, ...]
    faiss_index: Any  # never modified
    dim: int

    def __len__(self) -> int:
        return len(self.row_of)

    @classmethod
    def build(cls, ids: Sequence[str], vectors: Array, ivf_above: int = IVF_ABOVE) -> VideoIndex:
        """Index (N, D) float32 vectors. Raises ValueError like `with_added`."""
        data = _checked(ids, vectors)
        dim = data.shape[1]
        if len(ids) > ivf_above:
            lists = int(4 * np.sqrt(len(ids)))
            inner: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
            inner.train(data)
            inner.nprobe = PROBES
        else:
            inner = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        inner.add_with_ids(data, np.arange(len(ids), dtype=np.int64))
        return cls(tuple(ids), inner, dim)

    def search(self, queries: Array, k: int, allowed: Array | None = None) -> tuple[Array, Array]:
        """The k videos of largest inner product with each of (B, D) queries, best first.

        `allowed` is a boolean mask over `ids`. Gives (B, k) object ids, "" where there are fewer, and (B, k) scores.
        """
        rows, scores = self.search_rows(queries, k, allowed)
        return self._names[rows], scores

    def search_rows(self, queries: Array, k: int, allowed: Array | None = None) -> tuple[Array, Array]:
        """The same with (B, k) int64 rows of `ids`, -1 where there are fewer."""
        parameters: Any = None
        if allowed is not None:
            bitmap = np.packbits(np.asarray(allowed, dtype=bool), bitorder="little")
            selector: Any = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
            is_flat = isinstance(self.faiss_index, faiss.IndexIDMap2)
            parameters = (
                faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
                if is_flat
                else faiss.SearchParametersIVF(sel=selector, nprobe=PROBES)  # type: ignore[call-arg]
            )
        scores, rows = self.faiss_index.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters)
        return rows, np.where(rows >= 0, scores, -np.inf).astype(np.float32)

    def with_added(self, ids: Sequence[str], vectors: Array) -> VideoIndex:
        """An index that also holds these videos; videos that it already holds get their new vectors.

        Raises ValueError if an id is empty or repeated, if ids and vectors do not match each other or this index, and
        if a vector is not finite: it would be nearest to every query, or to none.
        """
        data = _checked(ids, vectors)
        if len(ids) and data.shape[1] != self.dim:
            raise ValueError(f"expected vectors of {self.dim} numbers, as this index has, found {data.shape[1]}")
        if not len(ids):
            return self
        left = self.without(ids)
        grown: Any = faiss.clone_index(self.faiss_index) if left is self else left.faiss_index
        grown.add_with_ids(data, np.arange(len(left.ids), len(left.ids) + len(ids), dtype=np.int64))
        return VideoIndex((*left.ids, *ids), grown, self.dim)

    def without(self, ids: Iterable[str]) -> VideoIndex:
        """An index without these videos; unknown ids are ignored."""
        rows = {self.row_of[video_id] for video_id in ids if video_id in self.row_of}
        if not rows:
            return self
        shrunk: Any = faiss.clone_index(self.faiss_index)
        shrunk.remove_ids(np.array(sorted(rows), dtype=np.int64))
        return VideoIndex(tuple("" if row in rows else one for row, one in enumerate(self.ids)), shrunk, self.dim)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.faiss_index, str(directory / INDEX_FILE))
        (directory / IDS_FILE).write_text(json.dumps(self.ids) + "\n")

    @classmethod
    def load(cls, directory: Path) -> VideoIndex:
        """Read an index whose files were verified before: faiss loads flipped bits silently."""
        index = faiss.read_index(str(directory / INDEX_FILE))
        return cls(tuple(json.loads((directory / IDS_FILE).read_text())), index, int(index.d))

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """The row of each video that is held."""
        return {video_id: row for row, video_id in enumerate(self.ids) if video_id}

    @cached_property
    def _names(self) -> Array:
        return np.array([*self.ids, ""], dtype=object)  # faiss gives row -1 where it found fewer


def _checked(ids: Sequence[str], vectors: Array) -> Array:
    if len(set(ids)) != len(ids):
        again = next(video_id for at, video_id in enumerate(ids) if video_id in ids[:at])
        raise ValueError(f"expected {len(ids)} different ids, found {len(set(ids))}: {again!r} is repeated")
    if len(ids) != len(vectors):
        raise ValueError(f"expected one vector for each of {len(ids)} ids, found {len(vectors)}")
    if not all(ids):
        raise ValueError(f"expected ids that are not empty, found one at row {list(ids).index('')}")
    data = np.ascontiguousarray(vectors, dtype=np.float32)
    if data.ndim != 2:
        raise ValueError(f"expected vectors as rows of one matrix, found {data.ndim} dimensions")
    finite = np.isfinite(data).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"expected finite vectors, found one that is not: that of {ids[row]!r}")
    return data
