"""The heavy parts of a release, built once: its models, sources and arrays computed per catalog.

All surfaces and experiment arms on one release share one `Parts`, and so the (V, D) vectors and all other arrays per
catalog.
"""

from __future__ import annotations

import re
import threading
from functools import cached_property

from bento_services.feed.stages import UNTITLED
from feature_repo.store.memory import MemoryReader
from feature_repo.store.snapshot import VideoSnapshot
from models.candidates.sources.spec import CandidateSource, SourceSpec
from models.catalog import Catalog, PerCatalog
from models.page.diversity import codes
from models.page.policy import Policy, load_policy
from models.release.artifact import Release
from models.retrieval.cold_start import vectors_of

_YEAR = re.compile(r"\([0-9]{4}\)$")


class Parts:
    """Raises PolicyError if the release's policy is invalid."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.policy: Policy = load_policy(release.policy_path)
        # (V, D): trained vectors, and content vectors of videos published after the training
        self.video_vectors = PerCatalog(lambda catalog: vectors_of(release.retrieval, catalog.video_ids, catalog.rows))
        self.creators = PerCatalog(lambda catalog: codes(_channels(catalog)))
        self.titles = PerCatalog(lambda catalog: codes(_films(catalog)))
        self.categories = PerCatalog(lambda catalog: codes(_categories(catalog)))
        self._sources: dict[str, CandidateSource | None] = {}
        self._lock = threading.Lock()

    def source(self, spec: SourceSpec) -> CandidateSource | None:
        """The source, shared by all callers; None if the release lacks its model."""
        with self._lock:
            if spec.name not in self._sources:
                self._sources[spec.name] = spec.open(self.release)
            return self._sources[spec.name]

    @cached_property
    def static_catalog(self) -> VideoSnapshot:
        """The release's static list as a catalog, ordered by popularity, for the same filters and stages."""
        release = self.release
        videos = {
            str(video["video_id"]): {**video, "video_watch_count_30d": float(len(release.static_videos) - place)}
            for place, video in enumerate(release.static_videos)
        }
        return MemoryReader(release.world, {}, videos).snapshot()


def _channels(catalog: Catalog) -> list[str]:
    """The display name of each video's creator, else the id; "" if there is neither."""
    names, ids = catalog.columns["creator_name"], catalog.columns["creator_id"]
    return [name or creator_id for name, creator_id in zip(names, ids, strict=True)]


def _films(catalog: Catalog) -> list[str]:
    """A key that identifies a film under several ids: title and year; the id of a video without a title."""
    years = catalog.columns["published_timestamp_us"].astype("datetime64[us]").astype("datetime64[Y]").astype(str)
    titles = (str(title).strip().casefold() for title in catalog.columns["title"])
    return [
        video_id if title in ("", UNTITLED.casefold()) else title if _YEAR.search(title) else f"{title} ({year})"
        for video_id, title, year in zip(catalog.video_ids, titles, years, strict=True)
    ]


def _categories(catalog: Catalog) -> list[str]:
    """Each video's first genre; "" if it has none."""
    return [names[0] if names is not None and len(names) else "" for names in catalog.columns["genre_names"]]
