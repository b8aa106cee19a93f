"""The sources of a recipe as stages, with the number of candidates to request, and which sources are optional."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.parts import Parts
from bento_services.feed.recall import Search
from bento_services.feed.stages import Request
from feature_repo.store.made_lists import MadeList
from models.allowed import Allowed
from models.candidates.sources.spec import NOTHING, CandidateSource, Found, SourceSpec, catalog_rows
from models.candidates.sources.two_tower import TWO_TOWER

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
