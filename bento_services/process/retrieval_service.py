"""Retrieval as a separate BentoML service: histories in, user vectors and nearest videos out.

In one process the home service calls model and index itself; when split (`MARQUEE_SPLIT=1`) it uses the remote ones of
remote.py, which call this service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bentoml
import numpy as np

from bento_services.process.ranking_service import QUIET, RUNNER_CONNECTION
from bento_services.process.release_cache import ReleaseCache
from bento_services.settings import Settings
from models.bits import Bits
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex


@bentoml.service(
    name="marquee_retrieval",
    workers=1,
    threads=2,
    runner_connection=RUNNER_CONNECTION,
    metrics={"enabled": False},
    logging=QUIET,
)
class RetrievalService:
    def __init__(self) -> None:
        self._parts = ReleaseCache(Settings.from_environment(), _load)

    @bentoml.api  # type: ignore[untyped-decorator]
    def user_vectors(
        self,
        release_id: str,
        histories: list[list[str]],
        timestamps_us: list[list[int]],
        now_us: np.ndarray,
        viewer_context: dict[str, list[str]],
    ) -> np.ndarray:
        """B histories, oldest first, their times, and viewer context columns ({}: none) -> (B, D) float32."""
        retrieval, _ = self._parts.get(release_id)
        columns = {name: np.array(column, dtype=object) for name, column in viewer_context.items()}
        return retrieval.user_vectors(histories, timestamps_us, now_us.astype(np.int64), columns or None)

    @bentoml.api  # type: ignore[untyped-decorator]
    def search(self, release_id: str, queries: np.ndarray, k: int, allowed: np.ndarray) -> dict[str, Any]:
        """(B, D) float32, and Bits.packed of the index (nothing = all are allowed) -> ids (B, k), scores (B, k)."""
        _, index = self._parts.get(release_id)
        bits = Bits.from_packed(allowed.astype(np.uint8), len(index.ids)) if len(allowed) else None
        ids, scores = index.search(queries.astype(np.float32), k, bits)
        return {"ids": ids.tolist(), "scores": scores.tolist()}


def _load(path: Path) -> tuple[RetrievalModel, VideoIndex]:
    return RetrievalModel.load(path / "two_tower"), VideoIndex.load(path / "index")
