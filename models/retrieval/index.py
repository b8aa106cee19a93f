"""The retrieval index: inner product over video vectors, with filters; an immutable value, replaced as a whole.

Exact up to a size (0.5 ms for 50,000, less with a filter), inverted lists of codes above: index_config.py.
What is published later is searched beside it (beside.py), what is taken down is filtered out. The only module that uses
faiss. No HNSW, on purpose: it loses recall under filters.
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

from models.retrieval.index_config import IndexConfig, Kind

Array = np.ndarray[Any, Any]

INDEX_FILE, IDS_FILE = "videos.faiss", "ids.json"
SEED = 7
ROUNDS = 8  # of k-means
SCANNED_WHOLE = 2_000  # videos that a filter leaves, of which none may be missed

faiss.omp_set_num_threads(1)  # two threads do not help one query, and a server answers several at once


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """`ids[row]` is the video with faiss id `row`; "" where a video was removed. Rows are never reused.

    An index is never changed, since another thread may be searching it: `with_added` and `without` give a new one at
    the cost of a copy, about 15 ms for 100,000 vectors of 64 numbers.
    """

    ids: tuple[str, ...]
    faiss_index: Any
    dim: int
    mapped_from: Path | None = None  # the file that inverted lists are mapped from; None: all is in memory

    def __len__(self) -> int:
        return len(self.ids) - self.ids.count("")

    @classmethod
    def build(cls, ids: Sequence[str], vectors: Array, config: IndexConfig = IndexConfig()) -> VideoIndex:
        """Index (N, D) float32 vectors.

        Raises ValueError if an id is empty or repeated, if ids and vectors do not match each other, and if a vector is
        not finite: it would be nearest to every query, or to none.
        """
        data = _checked(ids, vectors)
        kind = config.kind(len(ids))
        inner: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(data.shape[1])) if kind == "flat" else _trained(data, config)
        inner.add_with_ids(data, np.arange(len(ids), dtype=np.int64))
        return cls(tuple(ids), inner, data.shape[1])

    @property
    def kind(self) -> Kind:
        if isinstance(self.faiss_index, faiss.IndexIVFPQ):
            return "ivf_pq"
        return "flat" if isinstance(self.faiss_index, faiss.IndexIDMap2) else "ivf_sq8"

    @property
    def lists(self) -> int:
        """Inverted lists; 0 of an exact index."""
        return 0 if self.kind == "flat" else int(self.faiss_index.nlist)

    def search(self, queries: Array, k: int, allowed: Array | None = None) -> tuple[Array, Array]:
        """The k videos of largest inner product with each of (B, D) queries, best first.

        `allowed` is a boolean mask over `ids`. Gives (B, k) object ids, "" where there are fewer, and (B, k) scores.
        """
        rows, scores = self.search_rows(queries, k, allowed)
        return self._names[rows], scores

    def search_rows(self, queries: Array, k: int, allowed: Array | None = None) -> tuple[Array, Array]:
        """The same with (B, k) int64 rows of `ids`, -1 where there are fewer."""
        options: dict[str, Any] = {}
        if allowed is not None:
            bitmap = np.packbits(np.asarray(allowed, dtype=bool), bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
        if self.kind != "flat":
            options["nprobe"] = self._probes(allowed)
        parameters = (faiss.SearchParameters if self.kind == "flat" else faiss.SearchParametersIVF)(**options)
        scores, rows = self.faiss_index.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters)
        return rows, np.where(rows >= 0, scores, -np.inf).astype(np.float32)

    def with_added(self, ids: Sequence[str], vectors: Array) -> VideoIndex:
        """An index that also holds these videos; videos that it already holds get their new vectors.

        Raises ValueError like `build`, and for vectors of another length than those of this index.
        """
        data = _checked(ids, vectors)
        if len(ids) and data.shape[1] != self.dim:
            raise ValueError(f"expected vectors of {self.dim} numbers, as this index has, found {data.shape[1]}")
        if not len(ids):
            return self
        left = self.without(ids)
        grown: Any = self._copied() if left is self else left.faiss_index
        grown.add_with_ids(data, np.arange(len(left.ids), len(left.ids) + len(ids), dtype=np.int64))
        return VideoIndex((*left.ids, *ids), grown, self.dim)

    def without(self, ids: Iterable[str]) -> VideoIndex:
        """An index without these videos; unknown ids are ignored."""
        rows = {self.row_of[video_id] for video_id in ids if video_id in self.row_of}
        if not rows:
            return self
        shrunk = self._copied()
        shrunk.remove_ids(np.array(sorted(rows), dtype=np.int64))
        return VideoIndex(tuple("" if row in rows else one for row, one in enumerate(self.ids)), shrunk, self.dim)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.faiss_index, str(directory / INDEX_FILE))
        (directory / IDS_FILE).write_text(json.dumps(self.ids) + "\n")

    @classmethod
    def load(cls, directory: Path) -> VideoIndex:
        """Read an index whose files were verified before: faiss loads flipped bits silently.

        Inverted lists are mapped, not copied: processes share their pages.
        """
        file = directory / INDEX_FILE
        index = faiss.read_index(str(file), faiss.IO_FLAG_MMAP)
        mapped_from = None if isinstance(index, faiss.IndexIDMap2) else file
        return cls(tuple(json.loads((directory / IDS_FILE).read_text())), index, int(index.d), mapped_from)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """The row of each video that is held."""
        return {video_id: row for row, video_id in enumerate(self.ids) if video_id}

    def _copied(self) -> Any:
        """In memory, to be changed. faiss clones no mapped lists: they are read from their file."""
        return (
            faiss.clone_index(self.faiss_index) if self.mapped_from is None else faiss.read_index(str(self.mapped_from))
        )

    def _probes(self, allowed: Array | None) -> int:
        """As many lists as hold what the usual number holds without a filter, and all if they are few videos."""
        index = self.faiss_index
        if allowed is None:
            return int(index.nprobe)
        left = np.count_nonzero(allowed)
        if left <= SCANNED_WHOLE:
            return int(index.nlist)
        return int(min(index.nlist, np.ceil(index.nprobe * len(self.ids) / left)))

    @cached_property
    def _names(self) -> Array:
        return np.array([*self.ids, ""], dtype=object)  # faiss gives row -1 where it found fewer


def _trained(data: Array, config: IndexConfig) -> Any:
    """An empty index of inverted lists, which has learned lists and codes from a sample."""
    dim, lists = data.shape[1], config.lists_of(len(data))
    quantizer = faiss.IndexFlatIP(dim)
    if config.kind(len(data)) == "ivf_pq":
        parts = config.codes_of(dim)
        index: Any = faiss.IndexIVFPQ(quantizer, dim, lists, parts, 8, faiss.METRIC_INNER_PRODUCT)
    else:
        codes = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(quantizer, dim, lists, codes, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = min(config.probes, lists)
    index.cp.niter, index.cp.seed = ROUNDS, SEED
    index.cp.min_points_per_centroid = 1  # of a small catalog, without a warning
    sample = data
    if len(data) > config.sampled_vectors:
        rows = np.random.default_rng(SEED).choice(len(data), config.sampled_vectors, replace=False)
        sample = np.ascontiguousarray(data[np.sort(rows)])
    index.train(sample)
    return index


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
