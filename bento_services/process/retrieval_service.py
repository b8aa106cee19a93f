"""Retrieval as a BentoML service of its own: histories in, user vectors and nearest videos out.

In one process the home service calls model and index itself; split (`MARQUEE_SPLIT=1`) it puts `RemoteRetrieval` and
`RemoteIndex` in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bentoml
import numpy as np

from bento_services.process.ranking_service import QUIET, RUNNER_CONNECTION
from bento_services.process.release_cache import ReleaseShelf
from bento_services.settings import Settings
from feature_repo.compute.crosses import Columns
from models.retrieval.index import VideoIndex
from models.retrieval.two_tower import RetrievalModel

Array = np.ndarray[Any, Any]

EVERYTHING = np.zeros(0, dtype=np.uint8)  # stands for "no filter" where only arrays travel


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
        self._parts = ReleaseShelf(Settings.from_environment(), _load)

    @bentoml.api  # type: ignore[untyped-decorator]
    def user_vectors(
        self,
        release_id: str,
        histories: list[list[str]],
        timestamps_us: list[list[int]],
        now_us: np.ndarray,
        asker: dict[str, list[str]],
    ) -> np.ndarray:
        """B histories, oldest first, their times, and who asks -> (B, D) float32."""
        retrieval, _ = self._parts.get(release_id)
        columns = {name: np.array(column, dtype=object) for name, column in asker.items()}
        return retrieval.user_vectors(histories, timestamps_us, now_us.astype(np.int64), columns)

    @bentoml.api  # type: ignore[untyped-decorator]
    def search(self, release_id: str, queries: np.ndarray, k: int, allowed: np.ndarray) -> dict[str, Any]:
        """(B, D) float32, and one byte per indexed video (none = all are allowed) -> ids (B, k), scores (B, k)."""
        _, index = self._parts.get(release_id)
        ids, scores = index.search(queries.astype(np.float32), k, allowed.astype(bool) if len(allowed) else None)
        return {"ids": ids.tolist(), "scores": scores.tolist()}


def _load(path: Path) -> tuple[RetrievalModel, VideoIndex]:
    return RetrievalModel.load(path / "two_tower"), VideoIndex.load(path / "index")


class RemoteRetrieval:
    """A RetrievalModel whose user tower runs in the retrieval service; its item vectors are here as well."""

    def __init__(self, local: RetrievalModel, call: Callable[..., Any], release_id: str) -> None:
        self._local = local
        self._call = call
        self._release_id = release_id

    def user_vectors(
        self,
        histories: Sequence[Sequence[str]],
        timestamps_us: Sequence[Sequence[int]],
        now_us: Array,
        asker: Columns,
    ) -> Array:
        return np.asarray(
            self._call(
                "user_vectors",
                self._release_id,
                [list(history) for history in histories],
                [[int(moment) for moment in times] for times in timestamps_us],
                np.asarray(now_us, dtype=np.int64),
                {name: [str(value) for value in column] for name, column in asker.items()},
            )
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._local, name)


class RemoteIndex:
    """A VideoIndex that is searched in the retrieval service."""

    def __init__(self, local: VideoIndex, call: Callable[..., Any], release_id: str) -> None:
        self._local = local
        self._call = call
        self._release_id = release_id

    def search(self, queries: Array, k: int, allowed: Array | None = None) -> tuple[Array, Array]:
        mask = EVERYTHING if allowed is None else np.asarray(allowed, dtype=np.uint8)
        found = self._call("search", self._release_id, np.asarray(queries, dtype=np.float32), k, mask)
        return np.array(found["ids"], dtype=object), np.array(found["scores"], dtype=np.float32)

    def __len__(self) -> int:
        return len(self._local)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._local, name)
