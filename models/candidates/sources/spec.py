"""What a source is, and how it is declared.

A source reads a `ViewerRequest` and the models of a release, nothing else, so serving and evaluation run the same
object: the code whose recall is measured is the code that is served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from models.allowed import Allowed
from models.candidates.fusion import DEPTH
from models.catalog import Catalog, ViewerRequest
from models.retrieval.beside import BesideIndex
from models.retrieval.protocol import NearestVideos

if TYPE_CHECKING:
    from models.candidates.item_cf import ItemNeighbours
    from models.candidates.matrix_factorization import MatrixFactorization
    from models.candidates.popularity import AreaPopularity

Array = np.ndarray[Any, Any]

ANCHORS = 10  # newest watched videos whose neighbours are looked up


class SourceModels(Protocol):
    """The models that sources are built from: a release, or what has been trained so far. None: not available."""

    @property
    def index(self) -> NearestVideos:
        """Of the two-tower model's videos."""
        ...

    @property
    def beside(self) -> BesideIndex | None:
        """Of videos published since; None where the catalog stands still."""
        ...

    @property
    def item_cf(self) -> ItemNeighbours: ...

    @property
    def content(self) -> ItemNeighbours | None: ...

    @property
    def factors(self) -> MatrixFactorization | None: ...

    @property
    def area(self) -> AreaPopularity | None: ...


@dataclass(frozen=True)
class Found:
    """Distinct rows of the catalog, best first, with the source's own score of each and its further columns."""

    rows: Array  # (N,) int64
    scores: Array  # (N,)
    columns: Mapping[str, Array] = field(default_factory=dict)  # models.candidates.columns, each (N,)

    def __len__(self) -> int:
        return len(self.rows)


NOTHING = Found(np.zeros(0, dtype=np.int64), np.zeros(0))


class CandidateSource(Protocol):
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        """About `n` candidates among the `allowed` videos. Nothing that a request does may walk the catalog.

        Fewer when the source has no more; a few more where a longer page is asked for.
        """
        ...


@dataclass(frozen=True)
class SourceSpec:
    """How a source is declared in the list of sources."""

    name: str  # as fusion weights, the served log and metrics spell it
    open: Callable[[SourceModels], CandidateSource | None]  # None: the release lacks its model
    size: int  # candidates to request if the release has no fusion: all of them are ranked
    size_fused: int = DEPTH  # candidates to request if it has one, which keeps the best of all sources
    weight_without_models: float = 0.0  # of its best video, on rungs without models; 0 = not used there
    never_cut: bool = False  # exempt from truncation: placed by rules that the fusion does not score
    optional: bool = True  # if it fails, the page is built without it and warns
    needs_user_vector: bool = False  # of the two-tower model
    measured: bool = True  # training measures its recall and gives it a weight in the fusion


def best_of(rows: Array, score: Array, n: int) -> Found:
    """The `n` of some rows with the highest scores; ties go to the smaller row."""
    if len(rows) > n > 0:
        kept = score >= np.partition(score, -n)[-n]  # all that are equal to the last one
        rows, score = rows[kept], score[kept]
    order = np.lexsort((rows, -score))[:n]
    return Found(rows[order], score[order])


def catalog_rows(video_ids: Sequence[str], catalog: Catalog) -> Array:
    """(N,) the catalog row of each id; -1 = not in the catalog."""
    return catalog.row_of.many(video_ids)


def liked_history(request: ViewerRequest, newest: int | None = None) -> list[str]:
    """The newest watches, without those that the viewer disliked or marked as not interesting."""
    hidden = set(request.features["hidden_video_ids"])
    watched = request.history_ids
    return [video_id for video_id in (watched[-newest:] if newest else watched) if video_id not in hidden]
