"""Clients of remote retrieval and ranking, which replace a release's models in split mode.

They answer the same protocols as the local ones, number for number (models/retrieval/protocol.py,
models/ranking/protocol.py): only the computation (user tower, search, forward pass) runs elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

import numpy as np

from feature_repo.compute.columns import Columns
from models.bits import Bits
from models.ranking.leaves import Leaves
from models.ranking.ranker import RankerModel, by_action
from models.ranking.sides import Asked, Sides
from models.release.artifact import Release
from models.retrieval.artifact import ContentAlone, RetrievalModel
from models.retrieval.index import VideoIndex
from models.retrieval.index_config import Kind
from models.retrieval.index_ids import RowOf
from models.retrieval.protocol import NearestVideos, Retrieval

Array = np.ndarray[Any, Any]

EVERYTHING = np.zeros(0, dtype=np.uint8)  # stands for "no filter" where only arrays travel


class Call(Protocol):
    def __call__(self, api: str, *arguments: Any) -> Any:
        """The answer of an API of the service that this is a client of."""
        ...


def with_remote_models(release: Release, retrieval: Call, ranking: Call) -> Release:
    """The same release with its models in the processes of two services, which load it by its id."""
    release_id = release.release_id
    # Serving uses only the protocols; training, for which the fields are typed, never sees this release.
    return replace(
        release,
        retrieval=cast(RetrievalModel, RemoteRetrieval(release.retrieval, retrieval, release_id)),
        index=cast(VideoIndex, RemoteIndex(release.index, retrieval, release_id)),
        ranker=cast(RankerModel, RemoteRanker(release.ranker, ranking, release_id)),
    )


class RemoteRetrieval:
    """A Retrieval whose user tower runs in the retrieval service; the vectors of videos are local."""

    def __init__(self, local: Retrieval, call: Call, release_id: str) -> None:
        self._local = local
        self._call = call
        self._release_id = release_id

    @property
    def video_ids(self) -> Sequence[str]:
        return self._local.video_ids

    @property
    def row_of(self) -> Mapping[str, int]:
        return self._local.row_of

    @property
    def item_vectors(self) -> Array:
        return self._local.item_vectors

    @property
    def alone(self) -> ContentAlone:
        return self._local.alone

    @property
    def content_vectors(self) -> Array | None:
        return self._local.content_vectors

    def embed(self, videos: Columns) -> Array:
        return self._local.embed(videos)

    def user_vectors(
        self,
        histories: Sequence[Sequence[str]],
        timestamps_us: Sequence[Sequence[int]],
        now_us: Array,
        viewer_context: Columns | None = None,
    ) -> Array:
        answer = self._call(
            "user_vectors",
            self._release_id,
            [list(history) for history in histories],
            [[int(moment) for moment in times] for times in timestamps_us],
            np.asarray(now_us, dtype=np.int64),
            {name: [str(value) for value in column] for name, column in (viewer_context or {}).items()},
        )
        return np.asarray(answer)


class RemoteIndex:
    """NearestVideos that are searched in the retrieval service."""

    def __init__(self, local: NearestVideos, call: Call, release_id: str) -> None:
        self._local = local
        self._call = call
        self._release_id = release_id

    @property
    def kind(self) -> Kind:
        return self._local.kind

    @property
    def ids(self) -> Sequence[str]:
        return self._local.ids

    @property
    def row_of(self) -> RowOf:
        return self._local.row_of

    def search(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        packed = EVERYTHING if allowed is None else allowed.packed
        found = self._call("search", self._release_id, np.asarray(queries, dtype=np.float32), k, packed)
        return np.array(found["ids"], dtype=object), np.array(found["scores"], dtype=np.float32)

    def search_rows(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        ids, scores = self.search(queries, k, allowed)
        return self.row_of.many(ids.ravel().tolist()).reshape(ids.shape), scores


class RemoteRanker:
    """A ranker whose forward pass runs in the ranking service; encoding and the weights of actions stay local."""

    def __init__(self, local: RankerModel, call: Call, release_id: str) -> None:
        self._local = local
        self._sides = Sides(local.encoding, Leaves(()))  # the trees are in the other process
        self._call = call
        self._release_id = release_id

    @property
    def retrieval(self) -> float:
        return self._local.retrieval

    def rank(self, asked: Asked) -> Mapping[str, Array]:
        if not len(asked.rows):
            return self._local.rank(asked)
        *sent, _ = self._sides.inputs(asked)  # without the leaves
        p_NA = np.asarray(self._call("probabilities", self._release_id, *sent))
        return self._local.scored(by_action(p_NA))
