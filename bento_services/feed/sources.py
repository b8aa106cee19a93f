"""The sources of a recipe as stages, with the number of candidates to request, and which sources are optional."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.parts import Parts
from bento_services.feed.recall import Search
from bento_services.feed.stages import Request
from feature_repo.store.made_lists import MadeList
from models.allowed import Allowed
from models.candidates.sources.popular import popularity
from models.candidates.sources.spec import NOTHING, CandidateSource, Found, SourceSpec, catalog_rows
from models.candidates.sources.two_tower import TWO_TOWER
from models.catalog import OfflineRequest
from models.per_catalog import PerCatalog

Array = np.ndarray[Any, Any]
Heard = Callable[[Request, Allowed, Found], None]


@dataclass(frozen=True)
class SizedSource:
    name: str
    source: CandidateSource
    size: int
    optional: bool = False  # if it fails, the page is built without it and carries a warning
    heard: Heard | None = None  # is told what it finds

    def find(self, request: Request, allowed: Allowed) -> Found:
        try:
            found = self.source.find(request, allowed, self.size)
        except Exception as error:  # a bulkhead: an optional source that fails costs only its candidates
            if not self.optional:
                raise
            request.trace.warnings.append(f"{self.name} left out: {type(error).__name__}")
            return NOTHING
        if self.heard is not None:
            self.heard(request, allowed, found)
        return found


@dataclass(frozen=True)
class FromList:
    """The first `size` videos of a list made beforehand that may be shown; a score falls from 1 with the place."""

    name: str
    list_of: Callable[[Request], MadeList | None]
    size: int

    def find(self, request: Request, allowed: Allowed) -> Found:
        made = self.list_of(request)
        if made is None:
            return NOTHING
        rows = catalog_rows(made.video_ids, request.catalog)
        rows = rows[rows >= 0]
        rows = rows[allowed[rows]][: max(self.size, 5 * request.query.limit)]
        return Found(rows, 1.0 - np.arange(len(rows)) / max(len(rows), 1))


@dataclass(frozen=True)
class BesideVideo:
    """What a source finds for somebody who has watched nothing but the video that is asked about, whose vector is then
    that video's."""

    name: str
    source: CandidateSource
    size: int
    vectors: PerCatalog | None = None  # (V, D): the scores are cosines of these
    known_to: Sequence[Container[str]] = ()  # models that know of other videos like it: then it is left to them

    def find(self, request: Request, allowed: Allowed) -> Found:
        catalog, video_id = request.catalog, request.subject.video_id
        row = catalog.row_of.get(video_id, -1)
        if row < 0 or any(video_id in known for known in self.known_to):
            return NOTHING
        vectors = None if self.vectors is None else self.vectors.of(catalog)
        asked = OfflineRequest(
            catalog=catalog,
            now_us=request.now_us,
            history_ids=(video_id,),
            features={"hidden_video_ids": ()},
            user_vector=None if vectors is None else vectors[row],
            limit=request.limit,
        )
        found = self.source.find(asked, allowed, self.size)
        if vectors is None or not len(found):
            return found
        lengths = np.linalg.norm(vectors[found.rows], axis=1) * np.linalg.norm(vectors[row])
        cosines = np.clip((vectors[found.rows] @ vectors[row]) / np.maximum(lengths, 1e-12), 0.0, 1.0)
        order = np.argsort(-cosines, kind="stable")
        return Found(found.rows[order], cosines[order])


@dataclass(frozen=True)
class NamedVideos:
    """Those that the query names, by popularity. It says of each other one why it is left out."""

    name: str

    def find(self, request: Request, allowed: Allowed) -> Found:
        catalog, left_out = request.catalog, request.query.left_out
        hidden = frozenset(request.features["hidden_video_ids"])
        rows = catalog_rows(request.subject.video_ids, catalog)
        kept = np.zeros(len(rows), dtype=bool)
        kept[rows >= 0] = allowed[rows[rows >= 0]]
        left_out.clear()
        for video_id, row, is_kept in zip(request.subject.video_ids, rows.tolist(), kept.tolist(), strict=True):
            if not is_kept:
                gone = "taken_down" if catalog.taken_down[row] else "hidden" if video_id in hidden else "not_allowed"
                left_out[video_id] = gone if row >= 0 else "unknown"
        return Found(rows[kept], popularity(catalog, rows[kept]))


def sized(spec: SourceSpec, parts: Parts, sizes: Mapping[str, int]) -> SizedSource | None:
    """None if the release lacks the source's model. `sizes` override the spec's by name."""
    source = parts.source(spec)
    if source is None:
        return None
    default = spec.size if parts.release.fusion is None else spec.size_fused
    size = sizes.get(spec.name, default)
    return SizedSource(spec.name, source, size, spec.optional, _comparison(spec, parts, size))


def stages(specs: Iterable[SourceSpec], parts: Parts, sizes: Mapping[str, int]) -> tuple[SizedSource, ...]:
    """The sources whose models the release has, in the order of `specs`."""
    return tuple(stage for spec in specs if (stage := sized(spec, parts, sizes)) is not None)


def _comparison(spec: SourceSpec, parts: Parts, size: int) -> Heard | None:
    """Of the nearest videos with an exact search, for the pages that are sampled."""
    recall, kind = parts.recall, parts.release.index.kind
    if spec.name != TWO_TOWER or recall is None:
        return None

    def compare(request: Request, allowed: Allowed, found: Found) -> None:
        if recall.takes(request):
            recall.compare(Search(kind, parts.video_vectors, request, allowed, found.rows, size))

    return compare
