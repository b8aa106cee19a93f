"""The K videos most similar to each video, by co-watching (item-item collaborative filtering) or by content.

    sim(i, j) = c_ij / (sqrt(c_i * c_j) + shrink)        c_ij viewers of both, c_i viewers of i

Cosine with shrinkage (Deshpande & Karypis 2004); by content it is the cosine of `content.similarity_vectors`. A
candidate's score is the sum of its similarities to a viewer's newest watches.

V videos, K neighbours, H watched videos, N candidates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]
NEIGHBOURS_FILE, IDS_FILE = "neighbours.safetensors", "ids.json"


@dataclass
class ItemNeighbours:
    video_ids: list[str]
    rows_VK: Array  # int32, nearest first; padded with -1
    sims_VK: Array  # float32

    def __post_init__(self) -> None:
        self.row_of = {video_id: row for row, video_id in enumerate(self.video_ids)}

    @classmethod
    def fit(cls, sequences: Sequence[Sequence[str]], k: int = 100, shrink: float = 5.0) -> ItemNeighbours:
        """From one list of watched videos per viewer."""
        from scipy import sparse

        video_ids = sorted({video_id for sequence in sequences for video_id in sequence})
        row_of = {video_id: row for row, video_id in enumerate(video_ids)}
        pairs = [(user, row_of[video]) for user, sequence in enumerate(sequences) for video in set(sequence)]
        users, rows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        shape = (len(sequences), len(video_ids))
        watched_UV = sparse.csr_matrix((np.ones(len(users), dtype=np.float32), (users, rows)), shape=shape)
        together_VV = (watched_UV.T @ watched_UV).tocsr()
        count_V = np.maximum(together_VV.diagonal(), 1.0)
        k = min(k, max(len(video_ids) - 1, 1))
        rows_VK = np.full((len(video_ids), k), -1, dtype=np.int32)
        sims_VK = np.zeros((len(video_ids), k), dtype=np.float32)
        for row in range(len(video_ids)):
            start, end = together_VV.indptr[row], together_VV.indptr[row + 1]
            others = together_VV.indices[start:end]
            sims = together_VV.data[start:end] / (np.sqrt(count_V[row] * count_V[others]) + shrink)
            sims[others == row] = 0.0
            best = np.lexsort((others, -sims))[:k]
            best = best[sims[best] > 0]
            rows_VK[row, : len(best)] = others[best]
            sims_VK[row, : len(best)] = sims[best]
        return cls(video_ids, rows_VK, sims_VK)

    @classmethod
    def nearest(cls, video_ids: Sequence[str], vectors_VF: Array, k: int = 100) -> ItemNeighbours:
        """By the cosine of vectors of unit length; only positive similarities are kept."""
        index = VideoIndex.build(video_ids, vectors_VF)
        row_of = {video_id: row for row, video_id in enumerate(video_ids)}
        k = min(k, max(len(video_ids) - 1, 1))
        rows_VK = np.full((len(video_ids), k), -1, dtype=np.int32)
        sims_VK = np.zeros((len(video_ids), k), dtype=np.float32)
        for start in range(0, len(video_ids), 1024):
            ids, sims = index.search(vectors_VF[start : start + 1024], min(k + 1, len(video_ids)))
            for at, (near, sim) in enumerate(zip(ids, sims, strict=True), start=start):
                others = [(row_of[video_id], s) for video_id, s in zip(near, sim, strict=True) if video_id and s > 0]
                others = [(row, s) for row, s in others if row != at][:k]
                rows_VK[at, : len(others)] = [row for row, _ in others]
                sims_VK[at, : len(others)] = [s for _, s in others]
        return cls(list(video_ids), rows_VK, sims_VK)

    def neighbours(self, video_id: str, k: int) -> list[tuple[str, float]]:
        """The k nearest videos with their similarity; an empty list for an unknown video."""
        row = self.row_of.get(video_id)
        if row is None:
            return []
        nearest = zip(self.rows_VK[row, :k].tolist(), self.sims_VK[row, :k].tolist(), strict=True)
        return [(self.video_ids[other], sim) for other, sim in nearest if other >= 0]

    def votes(self, rows_H: Array) -> tuple[Array, Array, Array]:
        """All neighbours of some watched videos, best first. `rows_H`: their rows in this model, -1 = unknown to it.

        Gives (N,) rows, (N,) sums of similarities, and (N,) indices into `rows_H`: which watch contributed most.
        """
        known_H = np.flatnonzero(rows_H >= 0)
        near_HK, sim_HK = self.rows_VK[rows_H[known_H]], self.sims_VK[rows_H[known_H]]
        real = near_HK.ravel() >= 0
        rows, sims = near_HK.ravel()[real], sim_HK.ravel()[real]
        voter = np.repeat(known_H, self.rows_VK.shape[1])[real]
        row_N, place = np.unique(rows, return_inverse=True)
        total_N = np.bincount(place, sims, len(row_N)).astype(np.float32)
        strongest_N = np.zeros(len(row_N), dtype=np.int64)
        by_sim = np.lexsort((voter, sims))  # on ties, the newest watch
        strongest_N[place[by_sim]] = voter[by_sim]
        order = np.lexsort((row_N, -total_N))
        return row_N[order], total_N[order], strongest_N[order]

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        save_file({"rows": self.rows_VK, "sims": self.sims_VK}, directory / NEIGHBOURS_FILE)
        (directory / IDS_FILE).write_text(json.dumps(self.video_ids) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ItemNeighbours:
        tensors = load_file(directory / NEIGHBOURS_FILE)
        return cls(json.loads((directory / IDS_FILE).read_text()), tensors["rows"], tensors["sims"])
