"""A request, top to bottom.

A stage answers a question; only the pipeline moves rows. What each kind is asked:

    Filter      which videos of the catalog may this viewer be shown?     (V,) bool
    Source      which of them should be considered?                       Candidates
    Hydrator    what else is known of each candidate?                     columns, one value per candidate
    Scorer      how good is each?                                         columns; the last one's `score` counts
    Reranker    in which order?                                           an order; a shorter one cuts
    Selector    which of them make a row of the page?                     rows, each an order

Filters are asked once, about the whole catalog: sources then search only what may be shown, and whatever they bring is
held against the same answer. Time, counts and failures are taken here, around stages, never inside them.

V videos of the catalog, N candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from bento_services.errors import StageFailed
from bento_services.feed.candidates import Candidates
from bento_services.feed.page import Query
from bento_services.feed.viewer import Viewer
from feature_repo.compute.columns import Columns
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import World
from feature_repo.store.snapshot import VideoSnapshot
from models.page.filters import Filter, all_of

Array = np.ndarray[Any, Any]


@dataclass
class Trace:
    """What happened while one page was made; the only thing about a request that changes."""

    stage_ms: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.stage_ms[name] = self.stage_ms.get(name, 0.0) + (perf_counter() - started) * 1e3


@dataclass(frozen=True)
class Request:
    """Everything that a stage may look at."""

    query: Query
    now_us: int
    viewer: Viewer
    catalog: VideoSnapshot
    world: World
    seed: int  # whatever is drawn for this request is drawn from it
    shown: Array = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))  # marks of videos on earlier pages
    page: int = 0  # 0 = the first
    give_up_at: float = float("inf")  # perf_counter seconds
    user_vector: Array | None = None  # (D,) of the two-tower model
    trace: Trace = field(default_factory=Trace)

    def rng(self, purpose: str) -> np.random.Generator:
        """The same request draws the same, whatever else was drawn for it."""
        return np.random.default_rng((self.seed, crc32(purpose.encode())))

    @property
    def country(self) -> str:
        return self.viewer.country

    @property
    def maturity_limit(self) -> int:
        return self.viewer.maturity_limit

    @property
    def history_ids(self) -> Sequence[str]:
        return self.viewer.history_ids

    @property
    def features(self) -> Mapping[str, Any]:
        return self.viewer.features.values

    @property
    def limit(self) -> int:
        return self.query.limit

    @cached_property
    def user_columns(self) -> Columns:
        return self.viewer.features.columns()

    @cached_property
    def context(self) -> Columns:
        query = self.query
        return context_columns([self.now_us], [query.device], [query.utc_offset_minutes], [query.surface])


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def find(self, request: Request, allowed: Array) -> Candidates:
        """Videos worth considering, best first, among the `allowed` (V,) bool of the catalog."""
        ...


class Hydrator(Protocol):
    @property
    def name(self) -> str: ...

    def columns(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        """New columns, one value per candidate, in their order."""
        ...


class Scorer(Protocol):
    @property
    def name(self) -> str: ...

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        """Columns as a hydrator gives them, `score` among them: higher is better."""
        ...


class Reranker(Protocol):
    @property
    def name(self) -> str: ...

    def order(self, request: Request, candidates: Candidates) -> Array:
        """Places of candidates, each at most once, best first."""
        ...


@dataclass(frozen=True)
class Chosen:
    """A row of the page as places of candidates. `propensity` (len(order),): 1 = it could not have been another."""

    row_id: str
    title: str
    reason: str
    order: Array
    propensity: Array | None = None
    fixed: bool = False  # stands at the top whatever it holds; other rows are ordered for the viewer


class Selector(Protocol):
    @property
    def name(self) -> str: ...

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        """Rows that share no candidate. What they chose is gone for the next selector."""
        ...


@dataclass(frozen=True)
class FilledRow:
    chosen: Chosen
    candidates: Candidates  # in the row's order


@dataclass(frozen=True)
class Composition:
    """What a pipeline made of a request: rows in the order of their selectors."""

    rows: Sequence[FilledRow]
    considered: int  # candidates
    allowed: Array  # (V,) bool


@dataclass(frozen=True)
class Pipeline:
    """`safety` holds for everything that is shown; `novelty` does not for what the viewer began and may go on with."""

    safety: Sequence[Filter]
    novelty: Sequence[Filter]
    sources: Sequence[Source]
    cut: Reranker  # which of what the sources brought goes on
    scorers: Sequence[Scorer]
    rerankers: Sequence[Reranker]
    selectors: Sequence[Selector]  # of the first page
    more: Sequence[Selector]  # of the pages after it
    hydrators: Sequence[Hydrator] = ()
    resume: Source | None = None
    user_vector: Callable[[Request], Array] | None = None

    def run(self, request: Request) -> Composition:
        """Raises StageFailed when a stage cannot answer or the time is over."""
        with _stage(request, "filters"):
            safe = all_of(self.safety, request)
            allowed = safe & all_of(self.novelty, request)
        if self.user_vector is not None:
            with _stage(request, "user_tower"):
                request = replace(request, user_vector=self.user_vector(request))
        found = [self._ask(source, request, allowed) for source in self.sources]
        if self.resume is not None and request.page == 0 and request.query.rows:
            found.insert(0, self._ask(self.resume, request, safe))
        with _stage(request, "merge"):
            candidates = Candidates.merged(found)
            candidates = candidates.take(self.cut.order(request, candidates))
        considered = len(candidates)
        for hydrator in self.hydrators:
            with _stage(request, hydrator.name):
                candidates = candidates.with_columns(hydrator.columns(request, candidates))
        for scorer in self.scorers:
            with _stage(request, scorer.name):
                candidates = candidates.with_columns(scorer.score(request, candidates))
        for reranker in self.rerankers:
            with _stage(request, reranker.name):
                candidates = candidates.take(reranker.order(request, candidates))
        with _stage(request, "rows"):
            rows = self._rows(request, candidates)
        return Composition(rows, considered, allowed)

    def _ask(self, source: Source, request: Request, allowed: Array) -> Candidates:
        with _stage(request, source.name):
            found = source.find(request, allowed)
            kept = found.take(allowed[found.rows])
        request.trace.counts[source.name] = len(kept)
        return kept

    def _rows(self, request: Request, candidates: Candidates) -> list[FilledRow]:
        rows = []
        first = request.page == 0 and request.query.rows
        for selector in self.selectors if first else self.more:
            chosen = selector.rows(request, candidates)
            rows += [FilledRow(row, candidates.take(row.order)) for row in chosen]
            candidates = candidates.without(np.concatenate([row.order for row in chosen]) if chosen else [])
        return rows


def optional(source: Source) -> Source:
    """A source without which the page is poorer and not wrong: when it fails, the page says so and goes on."""
    return _OptionalSource(source)


@dataclass(frozen=True)
class _OptionalSource:
    source: Source

    @property
    def name(self) -> str:
        return self.source.name

    def find(self, request: Request, allowed: Array) -> Candidates:
        try:
            return self.source.find(request, allowed)
        except Exception as error:  # a bulkhead: whatever broke in there stays in there
            request.trace.warnings.append(f"{self.name} left out: {type(error).__name__}")
            return Candidates.found(self.name, [], [])


@contextmanager
def _stage(request: Request, name: str) -> Iterator[None]:
    if perf_counter() > request.give_up_at:
        raise StageFailed(name, "no time left for it", late=True)
    with request.trace.stage(name):
        try:
            yield
        except Exception as error:  # a bulkhead between rungs: any failure of a stage means that the next rung is asked
            raise StageFailed(name, f"{type(error).__name__}: {error}") from error
