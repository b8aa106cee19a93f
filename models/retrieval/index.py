"""The retrieval index: inner product over video vectors, filterable, with videos added and removed while it serves.

Exact up to IVF_ABOVE videos (0.5 ms at 50 k, and a filter makes it faster); inverted lists above. The only place that
knows faiss. HNSW is left out on purpose: it cannot remove, and loses recall under filters.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

Array = np.ndarray[Any, Any]

IVF_ABOVE = 100_000
PROBES = 32
INDEX_FILE, IDS_FILE = "videos.faiss", "ids.json"

faiss.omp_set_num_threads(1)  # two threads do not help one query, and a server answers several at once


@dataclass
class VideoIndex:
    """`ids[row]` is the video of faiss' id `row`; "" where a video was removed. Rows are never reused."""

    ids: list[str]
    faiss_index: Any
    dim: int

    def __post_init__(self) -> None:
        self._row_of = {video_id: row for row, video_id in enumerate(self.ids) if video_id}
        self._names = np.array([*self.ids, ""], dtype=object)  # faiss says -1 for nothing

    def __len__(self) -> int:
        return len(self._row_of)

    @classmethod
    def build(cls, ids: Sequence[str], vectors: Array, ivf_above: int = IVF_ABOVE) -> VideoIndex:
        """Index (N, D) float32 vectors. Raises ValueError when ids repeat or do not fit the vectors."""
        if len(ids) != len(vectors) or len(set(ids)) != len(ids):
            raise ValueError(f"expected one vector for each of {len(ids)} different ids, found {len(vectors)}")
        data = np.ascontiguousarray(vectors, dtype=np.float32)
        dim = data.shape[1]
        if len(ids) > ivf_above:
            lists = int(4 * np.sqrt(len(ids)))
            inner: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
            inner.train(data)
            inner.nprobe = PROBES
            inner.add_with_ids(data, np.arange(len(ids), dtype=np.int64))
            return cls(list(ids), inner, dim)
        flat = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        flat.add_with_ids(data, np.arange(len(ids), dtype=np.int64))
        return cls(list(ids), flat, dim)

    def search(self, queries: Array, k: int, allowed: Array | None = None) -> tuple[Array, Array]:
        """The k videos of largest inner product with each of (B, D) queries, best first.

        `allowed` is a boolean mask over `ids`. Gives (B, k) object ids, "" where there are fewer, and (B, k) scores.
        """
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
        return self._names[rows], np.where(rows >= 0, scores, -np.inf).astype(np.float32)

    def add(self, ids: Sequence[str], vectors: Array) -> None:
        """Insert videos; one that is there already gets the new vector."""
        self.remove([video_id for video_id in ids if video_id in self._row_of])
        rows = np.arange(len(self.ids), len(self.ids) + len(ids), dtype=np.int64)
        self.faiss_index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), rows)
        self.ids.extend(ids)
        self._row_of.update(zip(ids, rows.tolist(), strict=True))
        self._names = np.array([*self.ids, ""], dtype=object)

    def remove(self, ids: Sequence[str]) -> int:
        """Take videos out at once; how many were there."""
        rows = [self._row_of.pop(video_id) for video_id in ids if video_id in self._row_of]
        if rows:
            self.faiss_index.remove_ids(np.array(rows, dtype=np.int64))
        for row in rows:
            self.ids[row] = self._names[row] = ""
        return len(rows)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self.faiss_index, str(directory / INDEX_FILE))
        (directory / IDS_FILE).write_text(json.dumps(self.ids) + "\n")

    @classmethod
    def load(cls, directory: Path) -> VideoIndex:
        """Read an index that was verified before: faiss loads flipped bits without a word."""
        index = faiss.read_index(str(directory / INDEX_FILE))
        return cls(json.loads((directory / IDS_FILE).read_text()), index, int(index.d))
