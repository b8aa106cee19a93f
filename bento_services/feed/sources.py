"""The sources of a recipe as stages, with the number of candidates to request, and which sources are optional."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.parts import Parts
from bento_services.feed.stages import Request
from feature_repo.store.made_lists import MadeList
from models.candidates.sources.spec import NOTHING, CandidateSource, Found, SourceSpec, catalog_rows

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SizedSource:
    name: str
    source: CandidateSource
    size: int
    optional: bool = False  # if it fails, the page is built without it and carries a warning

    def find(self, request: Request, allowed: Array) -> Found:
        try:
            return self.source.find(request, allowed, self.size)
        except Exception as error:  # a bulkhead: an optional source that fails costs only its candidates
            if not self.optional:
                raise
            request.trace.warnings.append(f"{self.name} left out: {type(error).__name__}")
            return NOTHING


@dataclass(frozen=True)
class FromList:
    """The first `size` videos of a list made beforehand that may be shown; a score falls from 1 with the place."""

    name: str
    list_of: Callable[[Request], MadeList | None]
    size: int

    def find(self, request: Request, allowed: Array) -> Found:
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
    return SizedSource(spec.name, source, sizes.get(spec.name, default), spec.optional)


def stages(specs: Iterable[SourceSpec], parts: Parts, sizes: Mapping[str, int]) -> tuple[SizedSource, ...]:
    """The sources whose models the release has, in the order of `specs`."""
    return tuple(stage for spec in specs if (stage := sized(spec, parts, sizes)) is not None)
