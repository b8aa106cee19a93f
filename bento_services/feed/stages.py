"""The kinds of stages, the question that each answers, and the request that they all read.

    QueryHydrator   what else is known of the viewer?                         the request with more in it
    Filter          which videos of the catalog may this viewer be shown?     Allowed (models/page/filters.py)
    Source          which of them should be considered?                       Found
    Hydrator        what else is known of each candidate?                     columns, one value per candidate
    Scorer          how good is each?                                         columns; the last one's `score` counts
    Reranker        in which order?                                           an order; a shorter one truncates
    Selector        which of them make a row of the page?                     rows, each an order

A stage answers a question; only the pipeline moves rows. Time, counts and failures are recorded around stages, never
inside them.

N candidates, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import Any, Protocol
from zlib import crc32

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.page import UNTITLED, Query
from bento_services.feed.viewer import Viewer
from feature_repo.compute.columns import Columns
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import World
from feature_repo.store.made_lists import MadeList
from feature_repo.store.snapshot import VideoSnapshot
from models.allowed import Allowed
from models.candidates.sources.spec import Found
from models.catalog import Catalog, Subject
from models.orders import MARKS
from models.page.delivery import NOTHING_OWED, Delivery
from models.page.rulebook import NO_RULES, KeptShare, RuleBook

Array = np.ndarray[Any, Any]


@dataclass
class Trace:
    """Timings, counts and warnings of one page; the only mutable part of a request."""

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


class Lists(Protocol):
    """The lists that were made before this request, each read at most once, when a rung asks for it."""

    def base(self, request: Request) -> MadeList | None:
        """The viewer's, of whatever release and age; None if there is none, or nobody can tell."""
        ...

    def base_of_release(self, request: Request) -> MadeList | None:
        """The viewer's, if it was made with the release that answers."""
        ...

    def is_current(self, request: Request) -> bool:
        """Whether the viewer's is of this release, is not too old, and there were no events of theirs since."""
        ...

    def segment(self, request: Request) -> MadeList | None:
        """That of all viewers like this one."""
        ...


class NoLists:
    """Nothing was made before."""

    def base(self, request: Request) -> MadeList | None:
        return None

    def base_of_release(self, request: Request) -> MadeList | None:
        return None

    def is_current(self, request: Request) -> bool:
        return False

    def segment(self, request: Request) -> MadeList | None:
        return None


@dataclass(frozen=True)
class Request:
    """Everything that a stage may read. Implements models.catalog.ViewerRequest."""

    query: Query
    now_us: int
    viewer: Viewer
    catalog: VideoSnapshot
    world: World
    seed: int  # of everything random in this request
    shown: Array = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))  # marks of videos on earlier pages
    page: int = 0  # 0 = the first
    arrived_at: float = 0.0  # perf_counter seconds, as give_up_at
    give_up_at: float = float("inf")
    user_vector: Array | None = None  # (D,) of the two-tower model
    trace: Trace = field(default_factory=Trace)
    lists: Lists = field(default_factory=NoLists)
    rules: RuleBook = NO_RULES
    delivery: Delivery = NOTHING_OWED

    def until(self, share: float) -> float:
        """When a share of the time from its arrival to its deadline has passed."""
        return self.arrived_at + share * (self.give_up_at - self.arrived_at)

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator per purpose: draws for one purpose do not depend on draws for another."""
        return np.random.default_rng((self.seed, crc32(purpose.encode())))

    @property
    def of_each(self) -> Sequence[Request]:
        """The same request of each of several who watch together, alone; of one viewer, itself."""
        return [replace(self, viewer=one, user_vector=None) for one in self.viewer.each] or [self]

    @cached_property
    def shown_rows(self) -> Array:
        """Rows of the catalog that were on earlier pages."""
        return MARKS.with_keys(self.catalog, self.shown) if len(self.shown) else np.zeros(0, dtype=np.int64)

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
    def age_groups(self) -> frozenset[str]:
        known = {str(one.features.values["age_group"]) for one in self.viewer.each or [self.viewer]}
        return frozenset(known | ({""} if self.query.strangers else set()))

    @property
    def surface(self) -> str:
        return self.query.surface

    @property
    def limit(self) -> int:
        return self.query.limit

    @property
    def subject(self) -> Subject:
        return self.query.subject

    @property
    def has_rows(self) -> bool:
        """Whether the page has rows besides the recommendations: a first page does, unless a flat list is requested."""
        return self.page == 0 and self.query.rows

    @cached_property
    def user_columns(self) -> Columns:
        return self.viewer.features.columns()

    @cached_property
    def creator_weights(self) -> Mapping[str, float]:
        """The viewer's affinity to creators."""
        features = self.features
        return dict(zip(features["creator_ids"], features["creator_weights"], strict=True))

    @cached_property
    def followed(self) -> frozenset[str]:
        """Creators."""
        return frozenset(self.features.get("followed_creator_ids", ()))

    @cached_property
    def picked(self) -> frozenset[str]:
        """Titles that the viewer named to begin with, and has not watched since."""
        return frozenset(self.features.get("picked_video_ids", ())).difference(self.features.get("seen_video_ids", ()))

    @cached_property
    def genre_affinity(self) -> Array:
        """(GENRE_SLOTS,)."""
        return np.asarray(self.features["genre_affinity"])

    @cached_property
    def context(self) -> Columns:
        query = self.query
        return context_columns([self.now_us], [query.device], [query.utc_offset_minutes], [query.surface])


class QueryHydrator(Protocol):
    @property
    def name(self) -> str: ...

    def hydrate(self, request: Request) -> Request:
        """The request with more about the viewer."""
        ...


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def find(self, request: Request, allowed: Allowed) -> Found:
        """Candidates among the `allowed` videos of the catalog, best first."""
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
    """A row of the page as places of candidates. `propensity` (len(order),): 1 = the choice was deterministic."""

    row_id: str
    title: str
    reason: str
    order: Array
    propensity: Array | None = None
    fixed: bool = False  # keeps its place at the top; other rows are ordered by score
    given_up: Mapping[str, float] = field(default_factory=dict)  # rule of the policy -> scores that it has cost
    broken: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # rule -> place, and videos left for it
    shares: Sequence[KeptShare] = ()  # of rules, where this row has the recommendations


class Selector(Protocol):
    @property
    def name(self) -> str: ...

    def rows(self, request: Request, candidates: Candidates) -> Sequence[Chosen]:
        """Rows that share no candidate. Later selectors are not offered the candidates in them."""
        ...


def main_category(category: str, genres: Sequence[str] | None) -> str:
    """The one category of a video, which caps count."""
    return category or (genres[0] if genres is not None and len(genres) else "")


def title_of(catalog: Catalog, video: int) -> str:
    """The title of a catalog row, or a placeholder if it has none."""
    return str(catalog.columns["title"][video]).strip() or UNTITLED
