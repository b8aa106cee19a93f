"""What stands in a first release in place of the models that nobody has trained yet.

Nothing asks them: a first release has no rung that does (bento_services/feed/compose.py). V videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

import numpy as np

from feature_repo.compute.columns import Columns
from models.ranking.ranker import RankerModel
from models.release.manifest import ArtifactError
from models.retrieval.artifact import ContentAlone, RetrievalModel
from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]

WHY = "this release is a first one, without trained models: run `marquee release` when there is something to learn from"
DIMENSIONS = 1  # of vectors that say nothing


class UntrainedRetrieval:
    """models.retrieval.protocol.Retrieval that knows no video: each has the same vector."""

    video_ids: Sequence[str] = ()
    row_of: Mapping[str, int] = {}
    item_vectors: Array = np.zeros((1, DIMENSIONS), dtype=np.float32)
    content_vectors: Array | None = None
    alone = ContentAlone()

    def embed(self, videos: Columns) -> Array:
        return np.zeros((len(videos["published_timestamp_us"]), DIMENSIONS), dtype=np.float32)

    def user_vectors(self, *asked: Any) -> NoReturn:
        raise ArtifactError(WHY)


class UntrainedRanker:
    retrieval = 0.0

    def score(self, columns: Any) -> NoReturn:
        raise ArtifactError(WHY)

    rank = forward = score


def untrained_models() -> dict[str, Any]:
    """Field of a Release -> what stands in it."""
    return {
        "retrieval": cast(RetrievalModel, UntrainedRetrieval()),
        "index": VideoIndex.build((), np.zeros((0, DIMENSIONS), dtype=np.float32)),
        "ranker": cast(RankerModel, UntrainedRanker()),
    }
