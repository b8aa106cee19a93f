"""The heavy parts of a release, built once: its models, sources and arrays computed per catalog.

All surfaces and experiment arms on one release share one `Parts`, and so the (V, D) vectors and all other arrays per
catalog.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from bento_services.feed.near_duplicates import NearDuplicates
from bento_services.feed.recall import LiveRecall
from bento_services.feed.stages import main_category
from feature_repo.compute.columns import Columns
from feature_repo.store.memory import MemoryReader
from feature_repo.store.snapshot import VideoSnapshot
from models import orders
from models.candidates import boundary
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AreaPopularity
from models.candidates.sources.spec import CandidateSource, SourceSpec
from models.catalog import Catalog
from models.page.policy import Policy, load_policy
from models.per_catalog import Codes, PerCatalog
from models.release.artifact import Release
from models.retrieval.beside import BesideIndex
from models.retrieval.cold_start import vectors_of
from models.retrieval.protocol import NearestVideos

Array = np.ndarray[Any, Any]

EMBEDDED_AT_ONCE = 20_000  # videos, whose titles and genres are objects meanwhile; what they take is never given back


class Parts:
    """Raises PolicyError if the release's policy is invalid."""

    def __init__(self, release: Release, recall: LiveRecall | None = None) -> None:
        """`recall`: what compares a sample of searches with exact ones."""
        self.release = release
        self.recall = recall
        self.policy: Policy = load_policy(release.policy_path)
        # (V, D): trained vectors, and content vectors of videos published after the training
        self.video_vectors = PerCatalog(lambda catalog, rows: _vectors(release, catalog, rows))
        # (V,) the video's place among those of training, -1 = published since
        self.trained = PerCatalog(lambda catalog, rows: _places(release, catalog, rows))
        self.creators = Codes(_channels, ("creator_name", "creator_id"))
        self.near_duplicates = NearDuplicates(self.policy.page.near_bits)
        self.categories = Codes(_categories, ("category", "genre_names"))
        self._beside = BesideIndex(release.index, self.video_vectors)
        self._sources: dict[str, CandidateSource | None] = {}
        self._lock = threading.Lock()

    def source(self, spec: SourceSpec) -> CandidateSource | None:
        """The source, shared by all callers; None if the release lacks its model."""
        with self._lock:
            if spec.name not in self._sources:
                self._sources[spec.name] = spec.open(_of_sources(self.release, self._beside))
            return self._sources[spec.name]

    def follow(self, snapshot: VideoSnapshot) -> None:
        """Compute what requests on this snapshot need of its videos, before there are any such requests."""
        orders.follow(snapshot)
        boundary.follow(snapshot)
        self.near_duplicates.follow(snapshot)
        for cache in (self.creators, self.categories):
            cache.of(snapshot)
        if self.release.is_trained:  # else nothing asks for vectors
            for of_models in (self.video_vectors, self.trained, self._beside):
                of_models.of(snapshot)

    @cached_property
    def static_catalog(self) -> VideoSnapshot:
        """The release's static list as a catalog, ordered by popularity, for the same filters and stages."""
        release = self.release
        videos = {
            str(video["video_id"]): {**video, "video_watch_count_30d": float(len(release.static_videos) - place)}
            for place, video in enumerate(release.static_videos)
        }
        return MemoryReader(release.world, {}, videos).snapshot()


@dataclass(frozen=True)
class _SourceModels:
    """models.candidates.sources.spec.SourceModels of a release, over a catalog that changes."""

    index: NearestVideos
    beside: BesideIndex
    item_cf: ItemNeighbours
    content: ItemNeighbours | None
    factors: MatrixFactorization | None
    area: AreaPopularity | None


def _of_sources(release: Release, beside: BesideIndex) -> _SourceModels:
    return _SourceModels(release.index, beside, release.item_cf, release.content, release.factors, release.area)


def _vectors(release: Release, catalog: Catalog, rows: Array) -> Array:
    vectors = np.empty((len(rows), release.retrieval.item_vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), EMBEDDED_AT_ONCE):
        some = rows[start : start + EMBEDDED_AT_ONCE]
        of_some = vectors_of(release.retrieval, catalog.video_ids[some], partial(_content, catalog, some))
        vectors[start : start + EMBEDDED_AT_ONCE] = of_some
    return vectors


def _places(release: Release, catalog: Catalog, rows: Array) -> Array:
    row_of = release.retrieval.row_of
    return np.fromiter((row_of.get(one, -1) for one in catalog.video_ids[rows]), np.int32, len(rows))


def _content(catalog: Catalog, rows: Array, new: Array) -> Columns:
    return catalog.rows(rows[new])


def _channels(catalog: Catalog, rows: Array) -> list[str]:
    """The display name of each video's creator, else the id; "" if there is neither."""
    names, ids = catalog.columns["creator_name"][rows], catalog.columns["creator_id"][rows]
    return [name or creator_id for name, creator_id in zip(names, ids, strict=True)]


def _categories(catalog: Catalog, rows: Array) -> list[str]:
    """Each video's main category, else its first genre; "" if it has neither."""
    stated, genres = catalog.columns["category"][rows], catalog.columns["genre_names"][rows]
    return [main_category(category, names) for category, names in zip(stated, genres, strict=True)]
