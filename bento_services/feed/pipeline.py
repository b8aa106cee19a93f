"""The pipeline of one request, from filters to rows of the page; stages.py explains each kind of stage.

Filters run once, and what they leave is shared by viewers alike: sources then search only allowed videos, and their
results are checked against the same set. Time, counts and failures are recorded here, around stages, never inside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from bento_services.errors import StageFailed
from bento_services.feed.candidates import Candidates
from bento_services.feed.page_budget import PageBudget
from bento_services.feed.ruled import Beside, boosted, pinned
from bento_services.feed.stages import (
    Chosen,
    Hydrator,
    QueryHydrator,
    Request,
    Reranker,
    Scorer,
    Selector,
    Source,
)
from models.allowed import Allowed
from models.page.diversity import PageCaps
from models.page.filters import all_of
from models.page.rules import Filter

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FilledRow:
    chosen: Chosen
    candidates: Candidates  # in the row's order


@dataclass(frozen=True)
class Ranked:
    request: Request  # as the query hydrators have completed it
    candidates: Candidates  # best first
    considered: int  # number of candidates that were ranked
    allowed: Allowed


@dataclass(frozen=True)
class Composition:
    """The result of a pipeline: rows in the order of their selectors."""

    rows: Sequence[FilledRow]
    considered: int  # number of candidates that were ranked
    allowed: Allowed
    is_last: bool = False  # nothing is left for another page

    @property
    def shown_rows(self) -> Array:
        """Rows of the catalog, in all rows of the page."""
        return np.concatenate([row.candidates.rows for row in self.rows]) if self.rows else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Pipeline:
    """`safety` applies to everything that is shown; `novelty` not to videos that the viewer may continue watching."""

    safety: Sequence[Filter]
    novelty: Sequence[Filter]
    sources: Sequence[Source]
    truncation: Reranker  # limits the candidates that are ranked
    scorers: Sequence[Scorer]
    rerankers: Sequence[Reranker]
    selectors: Sequence[Selector]  # of a page with rows
    more: Sequence[Selector]  # of a flat list, and of the pages after the first
    query_hydrators: Sequence[QueryHydrator] = ()
    hydrators: Sequence[Hydrator] = ()
    resume: Source | None = None
    is_bounded: bool = False  # the sources give all that there is for this feed
    page: PageCaps | None = None  # of all rows together; None: each row keeps its own caps
    least: int = 1  # a row that the caps of the page leave shorter is left out

    @property
    def places_pins(self) -> bool:
        """Whether a row has places that rules may give away. Where the order states a fact, none has."""
        return any(getattr(selector, "places_pins", False) for selector in (*self.selectors, *self.more))

    def run(self, request: Request) -> Composition:
        """Raises StageFailed when a stage fails or the deadline has passed."""
        ranked = self.ranked(request)
        with _stage(request, "rows"):
            rows = self._rows(ranked.request, ranked.candidates)
        is_last = self.is_bounded and len(ranked.candidates) <= sum(len(row.candidates) for row in rows)
        return Composition(rows, ranked.considered, ranked.allowed, is_last)

    def ranked(self, request: Request) -> Ranked:
        """All candidates in the order in which rows are offered them. Raises StageFailed."""
        with _stage(request, "filters"):
            safe, allowed = all_of(self.safety, request), all_of((*self.safety, *self.novelty), request)
        for query_hydrator in self.query_hydrators:
            with _stage(request, query_hydrator.name):
                request = query_hydrator.hydrate(request)
        pins = [pinned(request, safe)] if self.places_pins else []
        found = [*pins, *(self._ask(source, request, allowed) for source in self.sources)]
        if self.resume is not None and request.has_rows:
            found.insert(len(pins), self._ask(self.resume, request, safe))
        with _stage(request, "merge"):
            candidates = Candidates.merged(found)
            candidates = candidates.take(self.truncation.order(request, candidates))
        considered = len(candidates)
        for hydrator in self.hydrators:
            with _stage(request, hydrator.name):
                candidates = candidates.with_columns(hydrator.columns(request, candidates))
        for scorer in self.scorers:
            with _stage(request, scorer.name):
                candidates = candidates.with_columns(scorer.score(request, candidates))
        if request.rules:
            with _stage(request, "boosts"):
                candidates = boosted(request, candidates)
        for reranker in self.rerankers:
            with _stage(request, reranker.name):
                candidates = candidates.take(reranker.order(request, candidates))
        return Ranked(request, candidates, considered, allowed)

    def _ask(self, source: Source, request: Request, allowed: Allowed) -> Candidates:
        with _stage(request, source.name):
            found = source.find(request, allowed)
            candidates = Candidates.found(source.name, found.rows, found.scores, **found.columns)
            kept = candidates.take(allowed[candidates.rows])
        request.trace.counts[source.name] = len(kept)
        return kept

    def _rows(self, request: Request, candidates: Candidates) -> list[FilledRow]:
        rows: list[FilledRow] = []
        pins = Beside.of(request, candidates)
        everything, is_left = candidates, np.ones(len(candidates), dtype=bool)
        is_left[pins.places] = False
        budget = None
        if self.page is not None:
            genre_NG = request.catalog.columns["genres"][everything.rows]
            budget = PageBudget(self.page, everything, genre_NG, self.least)
        for selector in self.selectors if request.has_rows else self.more:

            def choose(left: Array, selector: Selector = selector) -> list[Chosen]:
                offered = everything.take(left)
                return [replace(row, order=left[row.order]) for row in selector.rows(request, offered)]

            left = np.flatnonzero(is_left)
            chosen = choose(left) if budget is None else budget.chosen(left, choose)
            rows += [FilledRow(row, everything.take(row.order)) for row in map(pins.added, chosen)]
            for row in chosen:
                is_left[row.order] = False
        return rows


@contextmanager
def _stage(request: Request, name: str) -> Iterator[None]:
    if perf_counter() > request.give_up_at:
        raise StageFailed(name, "the deadline has passed", late=True)
    with request.trace.stage(name):
        try:
            yield
        except Exception as error:  # a bulkhead: whatever fails in a stage, the next rung is tried
            raise StageFailed(name, f"{type(error).__name__}: {error}") from error
