"""Matrix factorization of implicit feedback: K factors per viewer and per video; viewers are folded in on request.

    minimize  sum_ui c_ui (p_ui - x_u . y_i)^2 + reg (sum |x_u|^2 + sum |y_i|^2)      (Hu, Koren & Volinsky 2008)

p = 1 and c = 1 + confidence for what was watched, p = 0 and c = 1 for everything else. Training learns the videos' y
(`training/fit/source_models.py`); serving solves the K equations of x_u for the freshest history (their eq. 4), so
that no viewer's vector is ever stored or stale. One difference to the paper: a watch counts half as much for every
`half_life` watches after it.

B viewers, V videos, K factors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]
FACTORS_FILE, CONFIG_FILE = "factors.safetensors", "config.json"


@dataclass
class MatrixFactorization:
    video_ids: list[str]
    factors_VK: Array  # float32
    confidence: float
    regularization: float
    half_life: float  # in watches; 0 = every watch counts the same
    index: VideoIndex = field(init=False)

    def __post_init__(self) -> None:
        self.row_of = {video_id: row for row, video_id in enumerate(self.video_ids)}
        y_VK = self.factors_VK.astype(np.float64)
        self._gram_KK = y_VK.T @ y_VK + self.regularization * np.eye(y_VK.shape[1])

    @classmethod
    def of(
        cls, video_ids: Sequence[str], factors_VK: Array, confidence: float, regularization: float, half_life: float
    ) -> MatrixFactorization:
        """Build the model and the index over its factors."""
        model = cls(list(video_ids), np.asarray(factors_VK, np.float32), confidence, regularization, half_life)
        model.index = VideoIndex.build(model.video_ids, model.factors_VK)
        return model

    def user_vectors(self, histories: Sequence[Sequence[str]]) -> Array:
        """(B, K) float32 from histories, oldest first; zeros where no watched video is known."""
        user_BK = np.zeros((len(histories), self.factors_VK.shape[1]), dtype=np.float32)
        for at, history in enumerate(histories):
            if rows := [self.row_of[video_id] for video_id in history if video_id in self.row_of]:
                user_BK[at] = self._solve(rows)
        return user_BK

    def _solve(self, rows: Sequence[int]) -> Array:
        y_NK = self.factors_VK[list(rows)].astype(np.float64)
        extra_N = np.full(len(rows), self.confidence)
        if self.half_life > 0:
            extra_N *= 0.5 ** (np.arange(len(rows))[::-1] / self.half_life)
        left_KK = self._gram_KK + (y_NK * extra_N[:, None]).T @ y_NK
        x_K: Array = np.linalg.solve(left_KK, y_NK.T @ (1.0 + extra_N))
        return x_K

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        save_file({"factors": self.factors_VK}, directory / FACTORS_FILE)
        self.index.save(directory)
        config = {"confidence": self.confidence, "regularization": self.regularization, "half_life": self.half_life}
        (directory / CONFIG_FILE).write_text(json.dumps(config) + "\n")

    @classmethod
    def load(cls, directory: Path) -> MatrixFactorization:
        config = json.loads((directory / CONFIG_FILE).read_text())
        index = VideoIndex.load(directory)
        model = cls(list(index.ids), load_file(directory / FACTORS_FILE)["factors"], **config)
        model.index = index
        return model
