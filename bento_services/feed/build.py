"""The composition root: release + reader + log -> Feed. Which stages there are, and what happens when one fails.

The ladder, best rung first. A rung that cannot answer gives way to the next; the page says which one it was.

    full_funnel            viewer's features, two-tower retrieval beside the other sources, ranker
    retrieval_only         the ranker fails: the two-tower model's order
    similar_and_trending   the viewer's features or the two-tower model fail: neighbours of what was watched, trends
    popular                even that fails, or there is no time left
    static                 the catalog itself cannot be read: the list that came with the release

Filters have no fallback anywhere: a rung whose filters fail does not answer, and when none can, the page is empty.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from time import perf_counter
from typing import TypeVar

import numpy as np
import structlog

from bento_services.errors import QueryError, StageFailed
from bento_services.feed import cursor as cursors
from bento_services.feed import hydrators, rerankers, scorers, selectors, sources
from bento_services.feed import truncation as cuts
from bento_services.feed.breaker import Breaker
from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Page, Query
from bento_services.feed.pipeline import Composition, Pipeline, Request, Reranker, Selector, Source, Trace, optional
from bento_services.feed.policy import Policy, certify, load_policy
from bento_services.feed.presenter import present
from bento_services.feed.side_effects import ServedLog
from bento_services.feed.surfaces.home import HOME
from bento_services.feed.viewer import Known, ViewerHydrator
from feature_repo.core.home import World
from feature_repo.store.memory import MemoryReader
from feature_repo.store.reader import FeatureReader
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.stream.log.protocol import EventLog
from models.catalog import marks
from models.page import filters
from models.release.artifact import Release

FULL_FUNNEL = "full_funnel"
RETRIEVAL_ONLY = "retrieval_only"
SIMILAR_AND_TRENDING = "similar_and_trending"
POPULAR = "popular"
STATIC = "static"
LADDER = (FULL_FUNNEL, RETRIEVAL_ONLY, SIMILAR_AND_TRENDING, POPULAR, STATIC)

Part = TypeVar("Part")
WITHOUT_MODELS = {
    sources.SERIES: 1.0,
    sources.ITEM_ITEM: 0.9,
    sources.FACTORS: 0.8,
    sources.CONTENT: 0.7,
    sources.TRENDING: 0.6,
    sources.CREATORS: 0.5,
    sources.AREA: 0.45,
    sources.POPULAR: 0.4,
    sources.FRESH: 0.3,
}
WITH_ROWS = (sources.ITEM_ITEM, sources.TRENDING, sources.FRESH, sources.POPULAR, sources.AREA)
WHOLE = (sources.RESUME, sources.SERIES, sources.EXPLORE)  # few, and each for a reason that odds do not know

report = structlog.get_logger("feed")


@dataclass(frozen=True)
class Rung:
    name: str
    pipeline: Pipeline
    breaker: Breaker
    patient: bool = False  # answers although the time is over


@dataclass(frozen=True)
class Serving:
    """Everything that one release answers with."""

    release_id: str
    world: World
    policy: Policy
    ladder: Sequence[Rung]
    static_catalog: VideoSnapshot


class Feed:
    """Answers queries with pages, from one release at a time. Threads may share it."""

    def __init__(
        self,
        release: Release,
        reader: FeatureReader,
        log: EventLog | None,
        config: FeedConfig,
        now_us: Callable[[], int] | None,
    ) -> None:
        self._config = config
        self._reader = reader
        self._viewers = ViewerHydrator(reader, config)
        self._served = ServedLog(log) if log is not None else None
        self._now_us = now_us
        self._serving = serve(release, config)

    @property
    def release_id(self) -> str:
        return self._serving.release_id

    def page(self, query: Query, surface: str = HOME) -> Page:
        """Raises QueryError for a query that cannot be answered, and nothing for a dependency that is down."""
        if surface != HOME:
            raise QueryError("surface", f"expected {HOME}, found {surface!r}")
        return self._page(self._serving, query)

    def swap(self, release: Release) -> None:
        """Answer with another release from now on; pages under way finish with the old one.

        Raises PolicyError, and keeps the old release, when the new one's policy is none.
        """
        serving = serve(release, self._config)
        self._page(serving, Query(limit=20, log=False))  # first calls compile and fill caches before anybody waits
        self._serving = serving

    def close(self) -> None:
        """Write what is still to be logged. The reader and the log belong to whoever gave them."""
        if self._served is not None:
            self._served.close()

    def _page(self, serving: Serving, query: Query) -> Page:
        started = perf_counter()
        if query.limit < 1:
            raise QueryError("limit", f"expected at least 1, found {query.limit}")
        query = replace(query, request_id=query.request_id or uuid.uuid4().hex)
        cursor = cursors.decode(query.cursor, query.viewer_id) if query.cursor else cursors.FIRST
        now_us = self._now_us() if self._now_us is not None else serving.world.now_us()
        trace = Trace()
        with trace.stage("viewer"):
            viewer = self._viewers.hydrate(query, now_us)
        request = Request(
            query=query,
            now_us=now_us,
            viewer=viewer,
            catalog=self._reader.snapshot(),
            world=serving.world,
            seed=int.from_bytes(blake2b(query.request_id.encode(), digest_size=8).digest(), "big"),
            shown=cursor.shown,
            page=cursor.page,
            give_up_at=started + (query.deadline_ms or self._config.deadline_ms) / 1e3,
            trace=trace,
        )
        if viewer.known is not Known.NOW:
            trace.warnings.append("the viewer's features cannot be read")
        served_by, request, composition = self._descend(serving, request)
        with trace.stage("present"):
            page = _compose(serving, served_by, request, composition)
        if query.log and self._served is not None:
            self._served.put(page, request, _two_tower_scores(request, composition))
        return page

    def _descend(self, serving: Serving, request: Request) -> tuple[str, Request, Composition]:
        """Ask the rungs in turn, from the best that can be hoped for."""
        for rung in serving.ladder[_first_rung(request) :]:
            if not rung.breaker.allows():
                request.trace.warnings.append(f"{rung.name} is left alone for a moment")
                continue
            asked = request
            if rung.patient:
                asked = replace(asked, give_up_at=float("inf"))
            if rung.name == STATIC:
                asked = replace(asked, catalog=serving.static_catalog)
            try:
                composition = rung.pipeline.run(asked)
            except StageFailed as failure:
                if not (failure.late and request.query.deadline_ms):  # one caller's haste says nothing of the rung
                    rung.breaker.failed()
                request.trace.warnings.append(f"{rung.name} failed at {failure.stage}")
                report.warning("rung failed", rung=rung.name, why=str(failure), request_id=request.query.request_id)
                continue
            rung.breaker.succeeded()
            return rung.name, asked, composition
        request.trace.warnings.append("no rung could answer")
        return STATIC, request, Composition([], 0, np.zeros(len(request.catalog), dtype=bool))


def build_feed(
    release: Release,
    reader: FeatureReader,
    log: EventLog | None,
    config: FeedConfig | None = None,
    now_us: Callable[[], int] | None = None,
) -> Feed:
    """`log` None: served pages are not logged. `now_us` None: the world's clock. Raises PolicyError."""
    return Feed(release, reader, log, config or FeedConfig(), now_us)


def serve(release: Release, config: FeedConfig) -> Serving:
    """Wire the ladder of one release."""
    policy = load_policy(release.policy_path)
    sizes = config.sources if release.blend is None else config.blended
    vectors = hydrators.video_vectors(release.retrieval)
    user_vector = partial(hydrators.user_vector, release.retrieval)
    facts, two_tower_score = hydrators.VideoFacts(policy.caps.fresh_days), hydrators.TwoTowerScore(vectors)
    boost = scorers.FreshnessBoost(policy.boosts)
    beside = (scorers.WithRetrieval(release.ranker.retrieval),) if release.ranker.retrieval else ()

    two_tower = sources.two_tower(release.index, sizes.two_tower)
    popular = sources.Popular(sizes.popular)
    others: tuple[Source, ...] = (
        optional(sources.Alike(sources.ITEM_ITEM, release.item_cf, sizes.item_item)),
        *_given(release.factors, lambda factors: sources.matrix_factorization(factors, sizes.factors)),
        *_given(release.content, lambda content: sources.Alike(sources.CONTENT, content, sizes.content)),
        optional(sources.NextInSeries(sizes.series)),
        optional(sources.OfCreators(sizes.creators)),
        optional(sources.Trending(sizes.trending)),
        *_given(release.area, lambda area: sources.PopularInArea(area, sizes.area)),
        optional(sources.NewReleases(sizes.fresh)),
        *((optional(sources.Explore(sizes.explore)),) if config.explore else ()),
    )
    resume = optional(sources.Resume(config.rows.length))
    blend = scorers.SourceBlend(WITHOUT_MODELS)
    cut: Reranker = cuts.FirstFound(config.candidates)
    if release.blend is not None:
        kept = {**dict.fromkeys(WITH_ROWS, config.kept), **dict.fromkeys(WHOLE, config.candidates)}
        cut = cuts.ByBlend(release.blend, config.candidates, kept)

    def order(worth: Callable[[Candidates], np.ndarray]) -> tuple[rerankers.ByScore | rerankers.Spread, ...]:
        spread = rerankers.Spread(policy.spread, config.diversified, worth, release.exposure)
        return (rerankers.ByScore(), spread) if config.spread else (rerankers.ByScore(),)

    personal = Pipeline(
        safety=filters.SAFETY,
        novelty=filters.NOVELTY,
        resume=resume,
        user_vector=user_vector,
        sources=(two_tower, *others, popular),
        hydrators=(facts, two_tower_score),
        scorers=(scorers.RankerScore(release.ranker), *beside, boost),
        rerankers=order(rerankers.worth_of_score),
        selectors=_rows(policy, config, "Top picks for you"),
        more=(selectors.Recommendations(policy, selectors.MORE, "More for you", config.explore),),
        cut=cut,
    )
    retrieval_only = replace(
        personal, scorers=(scorers.RetrievalOrder(), boost), rerankers=order(rerankers.worth_of_two_tower)
    )
    similar = replace(
        personal,
        user_vector=None,
        sources=(*others, popular),
        hydrators=(facts,),
        scorers=(blend,),
        rerankers=order(rerankers.worth_of_score),
    )
    plain = replace(
        similar,
        resume=None,
        sources=(popular,),
        scorers=(scorers.SourceBlend({sources.POPULAR: 1.0}),),
        rerankers=(rerankers.ByScore(),),
        selectors=(selectors.Recommendations(policy, selectors.TOP_PICKS, "Popular right now", explores=False),),
        more=(selectors.Recommendations(policy, selectors.MORE, "More that is popular", explores=False),),
    )

    def rung(name: str, pipeline: Pipeline, patient: bool = False) -> Rung:
        return Rung(name, pipeline, Breaker(config.breaker_failures, config.breaker_seconds), patient)

    return Serving(
        release_id=release.release_id,
        world=release.world,
        policy=policy,
        ladder=(
            rung(FULL_FUNNEL, personal),
            rung(RETRIEVAL_ONLY, retrieval_only),
            rung(SIMILAR_AND_TRENDING, similar),
            rung(POPULAR, plain, patient=True),
            rung(STATIC, plain, patient=True),
        ),
        static_catalog=_static_catalog(release),
    )


def _given(part: Part | None, source: Callable[[Part], Source]) -> tuple[Source, ...]:
    """The source of a part that a release may lack."""
    return () if part is None else (optional(source(part)),)


def _rows(policy: Policy, config: FeedConfig, title: str) -> tuple[Selector, ...]:
    """The rows of a first page in the order in which they choose; how they are shown is the presenter's to say."""
    sizes, most = config.rows, policy.caps.max_per_creator
    popular = selectors.FromSource(sources.POPULAR, "Popular now", "What most viewers watch", sizes, most)
    return (
        selectors.ContinueWatching(),
        selectors.Recommendations(policy, selectors.TOP_PICKS, title, config.explore),
        selectors.BecauseYouWatched(sizes, most),
        selectors.FromSource(sources.TRENDING, "Trending now", "Watched by many in the last day", sizes, most),
        selectors.FromSource(sources.AREA, "Popular near you", "Watched by many in your country", sizes, most),
        selectors.FromSource(sources.FRESH, "New releases", "Just published", sizes, most, own_order=False),
        selectors.ForNewcomers(popular, sizes.newcomer_watches),
        selectors.SomethingDifferent(sizes),
    )


def _first_rung(request: Request) -> int:
    if not len(request.catalog):
        return LADDER.index(STATIC)
    return LADDER.index(FULL_FUNNEL if request.viewer.known is Known.NOW else SIMILAR_AND_TRENDING)


def _compose(serving: Serving, served_by: str, request: Request, composition: Composition) -> Page:
    rows = present(composition.rows, request)
    recommendations = next((row.items for row in rows if row.row_id in selectors.RECOMMENDATIONS), ())
    return Page(
        request_id=request.query.request_id,
        rows=rows,
        recommendations=recommendations,
        cursor=_cursor(request, composition),
        served_by=served_by,
        release_id=serving.release_id,
        certificate=certify(rows, recommendations, request.query.limit, serving.policy, request.now_us),
        stage_ms=request.trace.stage_ms,
        candidates=composition.considered,
        warnings=tuple(request.trace.warnings),
    )


def _cursor(request: Request, composition: Composition) -> str:
    """Leads to what is left of the allowed videos after this page; "" when nothing is."""
    rows = np.concatenate([row.candidates.rows for row in composition.rows]) if composition.rows else np.zeros(0, int)
    new = rows[composition.allowed[rows]]
    if not len(new) or composition.allowed.sum() == len(new):
        return ""
    shown = np.concatenate([request.shown, marks(request.catalog.video_ids[new].tolist())])
    if len(shown) > cursors.MAX_SHOWN:
        return ""
    return cursors.Cursor(request.page + 1, shown).encode(request.query.viewer_id)


def _two_tower_scores(request: Request, composition: Composition) -> dict[str, float]:
    return {
        request.catalog.video_ids[video]: float(score)
        for row in composition.rows
        if "two_tower_score" in row.candidates
        for video, score in zip(row.candidates.rows, row.candidates["two_tower_score"], strict=True)
    }


def _static_catalog(release: Release) -> VideoSnapshot:
    """The release's own list as a catalog, so that the same filters and stages read it. It is ordered by popularity."""
    videos = {
        str(video["video_id"]): {**video, "video_watch_count_30d": float(len(release.static_videos) - place)}
        for place, video in enumerate(release.static_videos)
    }
    return MemoryReader(release.world, {}, videos).snapshot()
