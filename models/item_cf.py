"""Item-item collaborative filtering: videos watched by the same viewers.

    sim(i, j) = c_ij / (sqrt(c_i * c_j) + shrink)        c_ij viewers of both, c_i viewers of i

Cosine with shrinkage (Deshpande & Karypis 2004); the K nearest of every video are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

Array = np.ndarray[Any, Any]
NEIGHBOURS_FILE, IDS_FILE = "neighbours.safetensors", "ids.json"
HISTORY = 10  # the newest watches that vote


@dataclass
class ItemNeighbours:
    video_ids: list[str]
    rows_VK: Array  # int32, nearest first; -1 = no more
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

    def neighbours(self, video_id: str, k: int) -> list[tuple[str, float]]:
        """The k nearest videos with their similarity; none for a video nobody watched."""
        row = self.row_of.get(video_id)
        if row is None:
            return []
        found = zip(self.rows_VK[row, :k].tolist(), self.sims_VK[row, :k].tolist(), strict=True)
        return [(self.video_ids[other], sim) for other, sim in found if other >= 0]

    def scores(self, history: Sequence[str], k: int) -> tuple[list[str], Array]:
        """The k videos of largest summed similarity to the newest watches, without those of the history."""
        rows = [self.row_of[video_id] for video_id in history[-HISTORY:] if video_id in self.row_of]
        if not rows:
            return [], np.zeros(0, dtype=np.float32)
        score_V = np.zeros(len(self.video_ids) + 1, dtype=np.float32)  # the last one takes the -1s
        for row in rows:
            score_V[self.rows_VK[row]] += self.sims_VK[row]
        score_V[-1] = 0.0
        score_V[[self.row_of[video_id] for video_id in history if video_id in self.row_of]] = 0.0
        order = np.argsort(-score_V, kind="stable")[:k]
        order = order[score_V[order] > 0]
        return [self.video_ids[row] for row in order], score_V[order]

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        save_file({"rows": self.rows_VK, "sims": self.sims_VK}, directory / NEIGHBOURS_FILE)
        (directory / IDS_FILE).write_text(json.dumps(self.video_ids) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ItemNeighbours:
        tensors = load_file(directory / NEIGHBOURS_FILE)
        return cls(json.loads((directory / IDS_FILE).read_text()), tensors["rows"], tensors["sims"])
