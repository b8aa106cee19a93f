"""The interfaces of retrieval in serving: implemented by the local model and index, and by clients of a remote service.

B viewers, D embedding, k videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from feature_repo.compute.columns import Columns
from models.bits import Bits
from models.retrieval.index_config import Kind
from models.retrieval.index_ids import RowOf

if TYPE_CHECKING:
    from models.retrieval.artifact import ContentAlone

Array = np.ndarray[Any, Any]


class UserTower(Protocol):
    def user_vectors(
        self,
        histories: Sequence[Sequence[str]],
        timestamps_us: Sequence[Sequence[int]],
        now_us: Array,
        viewer_context: Columns | None = None,
    ) -> Array:
        """(B, D) float32 from watches (oldest first) up to `now_us` (B,).

        `viewer_context`: (B,) columns of VIEWER_CONTEXT; a model that reads them raises ValueError without. Videos that
        training did not know are skipped; an empty history gives the vector of a new viewer.
        """
        ...


class VideoVectors(Protocol):
    """The vectors of trained videos, and a way to embed others; see `cold_start.vectors_of`."""

    @property
    def video_ids(self) -> Sequence[str]: ...

    @property
    def row_of(self) -> Mapping[str, int]:
        """The row of each of `video_ids`."""
        ...

    @property
    def item_vectors(self) -> Array:
        """(V, D) float32, rows as in `video_ids`."""
        ...

    @property
    def alone(self) -> ContentAlone: ...

    @property
    def content_vectors(self) -> Array | None:
        """(V, D) float16 of unit length, from content alone; None of a release that has none."""
        ...

    def embed(self, videos: Columns) -> Array:
        """(N, D) float32 from content alone."""
        ...


class Retrieval(UserTower, VideoVectors, Protocol):
    """Both halves of a two-tower model."""


class NearestVideos(Protocol):
    @property
    def kind(self) -> Kind:
        """How it searches."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """The video of each row of `allowed`; "" where a video was removed."""
        ...

    @property
    def row_of(self) -> RowOf:
        """The row of each video that is held."""
        ...

    def search(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        """The k videos of largest inner product with each of (B, D) queries, best first.

        `allowed`: of the rows of `ids`. Gives (B, k) object ids, "" where there are fewer, and (B, k) float32
        scores, -inf there.
        """
        ...

    def search_rows(self, queries: Array, k: int, allowed: Bits | None = None) -> tuple[Array, Array]:
        """The same with (B, k) int64 rows of `ids` in their place, -1 where there are fewer."""
        ...
