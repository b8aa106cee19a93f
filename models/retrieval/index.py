"""The retrieval index: inner product over video vectors, with filters; an immutable value, replaced as a whole.

Exact up to a size (0.5 ms for 50,000, less with a filter), inverted lists of codes above: index_config.py.
What is published later is searched beside it (beside.py), what is taken down is filtered out. The only module that uses
faiss. No HNSW, on purpose: it loses recall under filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from models.bits import Bits
from models.retrieval.index_config import IndexConfig, Kind
from models.retrieval.index_ids import IndexIds, RowOf

Array = np.ndarray[Any, Any]

SHARD_FILES = "videos*.faiss"  # videos.faiss of a single one, else videos-000.faiss and on
SEED = 7
ROUNDS = 8  # of k-means
SCANNED_WHOLE = 2_000  # videos that a filter leaves, of which none may be missed

faiss.omp_set_num_threads(1)  # two threads do not help one query, and a server answers several at once


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """`ids[row]` is the video with faiss id `row`; "" where a video was removed. Rows are never reused.

    Shards hold different videos. Each is searched, and what they find is merged: together they answer as one would.

    An index is never changed, since another thread may be searching it: `with_added` and `without` give a new one at
    the cost of a copy, about 15 ms for 100,000 vectors of 64 numbers.
    """

    ids: IndexIds
    shards: tuple[Any, ...]
    dim: int
    mapped_from: tuple[Path, ...] = ()  # the files that inverted lists are mapped from; none: all is in memory

    def __len__(self) -> int:
        return sum(int(shard.ntotal) for shard in self.shards)

    @classmethod
    def build(cls, ids: Sequence[str], vectors: Array, config: IndexConfig = IndexConfig()) -> VideoIndex:
        """Index (N, D) float32 vectors.

        Raises ValueError if an id is empty or repeated, if ids and vectors do not match each other, and if a vector is
        not finite: it would be nearest to every query, or to none.
        """
        data = _checked(ids, vectors)
        kind = config.kind(len(ids))
        every_row = np.arange(len(ids), dtype=np.int64)
        rows_of_shards = np.array_split(every_row, min(config.shards, max(len(ids), 1)))
        shards = tuple(_shard(data, rows, kind, config) for rows in rows_of_shards)
        return cls(IndexIds.of(ids), shards, data.shape[1])

    @property
    def kind(self) -> Kind:
        if isinstance(self.shards[0], faiss.IndexIVFPQ):
            return "ivf_pq"
        return "flat" if isinstance(self.shards[0], faiss.IndexIDMap2) else "ivf_sq8"

    @property
    def lists(self) -> int:
        """Inverted lists of all shards; 0 of an exact index."""
        return 0 if self.kind == "flat" else sum(int(shard.nlist) for shard in self.shards)

    @property
    def probes(self) -> int:
        """Lists of a shard that a search without a filter looks into; 0 of an exact index."""
        return 0 if self.kind == "flat" else int(self.shards[0].nprobe)

    def with_probes(self, probes: int) -> VideoIndex:
        """The same videos, searched in so many lists of each shard, or in all. Raises ValueError for an exact index."""
        if self.kind == "flat":
            raise ValueError("expected an index of inverted lists, found an exact one")
        shards = self._copied()
        for shard in shards:
            shard.nprobe = min(probes, int(shard.nlist))
        return VideoIndex(self.ids, shards, self.dim)

    def search(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        """The k videos of largest inner product with each of (B, D) queries, best first.

        `allowed`: of the rows of `ids`. Gives (B, k) object ids, "" where there are fewer, and (B, k) scores.
        """
        rows, scores = self.search_rows(queries, k, allowed)
        return self.ids.of_rows(rows), scores

    def search_rows(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        """The same with (B, k) int64 rows of `ids`, -1 where there are fewer."""
        options: dict[str, Any] = {}
        if allowed is not None:
            options["sel"] = faiss.IDSelectorBitmap(allowed.packed)  # type: ignore[call-arg, arg-type]
        if self.kind != "flat":
            options["nprobe"] = self._probes(allowed)
        parameters = (faiss.SearchParameters if self.kind == "flat" else faiss.SearchParametersIVF)(**options)
        scores, rows = self._together.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters)
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
        grown = self._copied() if left is self else left.shards
        smallest = min(grown, key=lambda shard: int(shard.ntotal))
        smallest.add_with_ids(data, np.arange(len(left.ids), len(left.ids) + len(ids), dtype=np.int64))
        return VideoIndex(IndexIds.of([*left.ids, *ids]), grown, self.dim)

    def without(self, ids: Iterable[str]) -> VideoIndex:
        """An index without these videos; unknown ids are ignored."""
        rows = {self.row_of[video_id] for video_id in ids if video_id in self.row_of}
        if not rows:
            return self
        shrunk = self._copied()
        for shard in shrunk:
            shard.remove_ids(np.array(sorted(rows), dtype=np.int64))
        left = IndexIds.of("" if row in rows else one for row, one in enumerate(self.ids))
        return VideoIndex(left, shrunk, self.dim)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for earlier in directory.glob(SHARD_FILES):
            earlier.unlink()
        single = len(self.shards) == 1
        for number, shard in enumerate(self.shards):
            faiss.write_index(shard, str(directory / ("videos.faiss" if single else f"videos-{number:03d}.faiss")))
        self.ids.save(directory)

    @classmethod
    def load(cls, directory: Path) -> VideoIndex:
        """Read an index whose files were verified before: faiss loads flipped bits silently.

        Ids and inverted lists are mapped, not copied: processes share their pages.
        """
        files = shard_files(directory)
        shards = tuple(faiss.read_index(str(file), faiss.IO_FLAG_MMAP) for file in files)
        mapped_from = () if isinstance(shards[0], faiss.IndexIDMap2) else files
        return cls(IndexIds.load(directory), shards, int(shards[0].d), mapped_from)

    @property
    def row_of(self) -> RowOf:
        """The row of each video that is held."""
        return self.ids.row_of

    @cached_property
    def _together(self) -> Any:
        """The shards as one, under their common row numbers; they are searched in turn, in the thread that asks."""
        if len(self.shards) == 1:
            return self.shards[0]
        merged = faiss.IndexShards(self.dim, False, False)  # type: ignore[call-arg]
        for shard in self.shards:
            merged.add_shard(shard)
        return merged

    def _copied(self) -> tuple[Any, ...]:
        """In memory, to be changed. faiss clones no mapped lists: they are read from their files."""
        if self.mapped_from:
            return tuple(faiss.read_index(str(file)) for file in self.mapped_from)
        return tuple(map(faiss.clone_index, self.shards))

    def _probes(self, allowed: Bits | None) -> int:
        """As many lists of a shard as hold what the usual number holds without a filter, all if they are few videos."""
        index = self.shards[0]
        if allowed is None:
            return int(index.nprobe)
        if allowed.count <= SCANNED_WHOLE:
            return int(index.nlist)
        return int(min(index.nlist, np.ceil(index.nprobe * len(self.ids) / allowed.count)))


def shard_files(directory: Path) -> tuple[Path, ...]:
    """Of a saved index, in the order of its shards. Raises FileNotFoundError if there is none."""
    if not (found := sorted(directory.glob(SHARD_FILES))):
        raise FileNotFoundError(2, "no shard of an index", str(directory / SHARD_FILES))
    return tuple(found)


def _shard(data: Array, rows: Array, kind: Kind, config: IndexConfig) -> Any:
    """Some rows of the (N, D) vectors, under their row numbers."""
    own = data[rows[0] : rows[-1] + 1] if len(rows) else data
    index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(data.shape[1])) if kind == "flat" else _trained(own, kind, config)
    index.add_with_ids(own, rows)
    return index


def _trained(data: Array, kind: Kind, config: IndexConfig) -> Any:
    """An empty index of inverted lists, which has learned lists and codes from a sample."""
    dim, lists = data.shape[1], config.lists_of(len(data))
    quantizer = faiss.IndexFlatIP(dim)
    if kind == "ivf_pq":
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
