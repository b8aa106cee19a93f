"""Queries in, pages out, from one release at a time: reads the viewer, descends the ladder, presents the page."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from time import perf_counter

import msgspec
import structlog

from bento_services import metrics
from bento_services.errors import NothingToAsk, QueryError
from bento_services.feed import cursor as cursors
from bento_services.feed import subject
from bento_services.feed.attempt import Attempt
from bento_services.feed.certificate import certify
from bento_services.feed.compose import Serving
from bento_services.feed.config import FeedConfig
from bento_services.feed.ladder import Answer
from bento_services.feed.made_lists import MadeLists
from bento_services.feed.maker import Asked
from bento_services.feed.page import HOME, PAGE_CACHE, Page, Query
from bento_services.feed.page_cache import PageCache
from bento_services.feed.presenter import present
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.recall import LiveRecall
from bento_services.feed.segments import Segment
from bento_services.feed.shared_pages import SharedPages
from bento_services.feed.side_effects import Behind, ServedLog
from bento_services.feed.stages import NoLists, Request, Trace
from bento_services.feed.viewer import Knowledge, Known, unread, viewer_of
from feature_repo.events import Event
from feature_repo.store.reader import FeatureReader
from feature_repo.store.shown import NONE_SHOWN, Shown
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.stream.log.protocol import EventLog
from models.candidates.columns import TWO_TOWER_SCORE
from models.page.delivery import NOTHING_OWED, Delivery, Promise, delivery_of
from models.page.diversity import POPULAR_SHARE
from models.page.popular import PopularShares
from models.page.rulebook import NO_RULES, RuleBook
from models.release.artifact import Release

report = structlog.get_logger("feed")

UNREAD = {
    Knowledge.REMEMBERED: "the viewer's features cannot be read; these are the last ones known",
    Knowledge.NONE: "the viewer's features cannot be read; what they hid or finished could not be checked",
}

Servings = Mapping[str, Serving]  # surface -> what answers it
Compose = Callable[[Release], Servings]  # raises PolicyError
HANG_SECONDS = 0.005  # after its share of the deadline, a stage that has not ended hangs
WARM = 2  # releases kept ready to answer: the current one and the one before it


class Feed:
    """Answers queries with pages, from one release at a time. Thread-safe."""

    def __init__(
        self,
        release: Release,
        reader: FeatureReader,
        log: EventLog | None,
        config: FeedConfig,
        now_us: Callable[[], int] | None,
        compose: Compose,
        recall: LiveRecall | None = None,
    ) -> None:
        """`recall`: what searches are told to, and is closed with the feed."""
        self._config = config
        self._reader = reader
        self._viewer_features = ViewerFeatures(reader, config)
        self._lists = MadeLists(reader.lists, config)
        self._cache = PageCache(config.page_cache_pages, config.page_cache_seconds)
        self._shared = SharedPages()
        self._served = ServedLog(log, config.served_queue_pages) if log is not None else None
        self._now_us = now_us
        self._compose = compose
        self._recall = recall
        self._rules = NO_RULES
        self._shown = NONE_SHOWN
        self._deliveries: Mapping[Promise, Delivery] = {}
        self._release_id, self._servings = release.release_id, compose(release)
        self._warm: dict[str, Servings] = {self._release_id: self._servings}  # the most recently used last
        reader.follow(self._follow)

    @property
    def release_id(self) -> str:
        return self._release_id

    @property
    def rules(self) -> RuleBook:
        return self._rules

    def use_rules(self, rules: RuleBook) -> None:
        """Keep these rules from now on; what was made under others is not shown any more."""
        rules.follow(self._reader.snapshot())
        self._rules = rules

    def use_shown(self, shown: Shown) -> None:
        """What new videos are owed follows these counts from now on."""
        self._shown = shown
        self._deliver(self._reader.snapshot())

    def page_with(self, rules: RuleBook, query: Query, surface: str = HOME) -> Page:
        """The page as it would be with these rules. Raises QueryError."""
        return self._page(self._serving(surface), query, rules=rules)

    def pages(self, asked: Sequence[Asked]) -> list[Page | Exception]:
        """As `page` for each, or what that raised; their viewers are read in one round trip."""
        known = self._viewer_features.of_queries([query for query, _, _ in asked])
        pages: list[Page | Exception] = []
        for (query, surface, attempt), viewers in zip(asked, known, strict=True):
            try:
                pages.append(self.page(query, surface, attempt, viewers))
            except Exception as error:
                pages.append(error)
        return pages

    def page(
        self, query: Query, surface: str = HOME, attempt: Attempt | None = None, known: Sequence[Known] = ()
    ) -> Page:
        """Raises QueryError for an invalid query, UnknownSubject for what the catalog does not have, NothingToAsk
        where an empty page would be taken for an answer, GivenUp after `attempt` was; never for a dependency that is
        down. `known`: its viewers, where they were read already."""
        serving = self._serving(surface)
        subject.check(serving.names, query.subject, self._reader.snapshot())
        return self._page(serving, query, attempt, known)

    def may_have(self, query: Query, surface: str = HOME) -> bool:
        """Whether `cached` may have the page. Without network access."""
        serving = self._servings.get(surface)
        return serving is not None and serving.is_cached and self._cache.may_have(query)

    def cached(self, query: Query, surface: str = HOME) -> Page | None:
        """The last page of a viewer of whom nothing has changed since; None if it has, or nobody can tell."""
        request = self._request(self._servings[surface], query)
        with request.trace.stage(self._viewer_features.name):
            request = self._viewer_features.hydrate(request)
        if request.viewer.knowledge is not Knowledge.CURRENT:
            return None
        if (cached := self._cache.get(request, self._servings[surface].release_id)) is None:
            return None
        page = msgspec.structs.replace(
            cached.page,
            request_id=request.query.request_id,
            stage_ms=request.trace.stage_ms,
            speed=PAGE_CACHE,
            age_seconds=cached.page.age_seconds + max(request.now_us - cached.behind.made_us, 0) / 1e6,
        )
        if self._served is not None:
            self._served.put(page, request, cached.behind)
        return page

    def patience(self, query: Query, attempts: int) -> float:
        """When to give up the latest of so many attempts at a page that came without a result, in perf_counter seconds.

        Slow stages end by themselves at the shares of the deadline: this is for those that hang.
        """
        share = self._config.full_share if attempts == 1 else self._config.later_share
        return query.received_at + share * self._deadline_seconds(query) + HANG_SECONDS

    def keep_warm(self, release: Release) -> None:
        """Warm up another release; the current one answers until `switch`.

        Raises PolicyError, and changes nothing, if its policy is invalid.
        """
        servings = self._compose(release)
        for (
            serving
        ) in servings.values():  # first calls compile kernels and fill caches, which no viewer should wait for
            named = subject.example(serving.names, self._reader.snapshot())
            self._page(serving, Query(limit=20, log=False, subject=named))
        self._warm = {**_newest(self._warm, self._release_id), release.release_id: servings}

    def is_warm(self, release_id: str) -> bool:
        return release_id in self._warm

    def switch(self, release_id: str) -> None:
        """Answer with a warm release from now on; requests in flight finish with the old one, which stays warm."""
        before, servings = self._release_id, self._warm[release_id]
        self._release_id, self._servings = release_id, servings
        self._warm = {before: self._warm[before], release_id: servings}

    def _follow(self, snapshot: VideoSnapshot) -> None:
        """Ready every warm release for other videos. One that cannot be is not what keeps them from the others."""
        self._rules.follow(snapshot)
        if self._deliveries:
            self._deliver(snapshot)
        for release_id, servings in list(self._warm.items()):
            try:
                for serving in servings.values():
                    serving.follow(snapshot)
            except Exception as error:
                report.error("new videos", release_id=release_id, error=repr(error), exc_info=error)

    def _deliver(self, snapshot: VideoSnapshot) -> None:
        """Compute what every policy's promise means for this catalog now."""
        now_us, shown = self._now(next(iter(self._servings.values()))), self._shown
        promises = {serving.policy.delivery for servings in self._warm.values() for serving in servings.values()}
        self._deliveries = {
            promise: delivery_of(promise, snapshot, now_us, shown.counts, shown.a_day) for promise in promises
        }

    def _now(self, serving: Serving) -> int:
        return self._now_us() if self._now_us is not None else serving.world.now_us()

    def hear(self, events: Iterable[Event]) -> None:
        """Take note of events that this process accepted."""
        self._viewer_features.hear(events)

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        """Drop what this process remembers of these viewers."""
        self._reader.forget(is_erased)
        self._viewer_features.forget(is_erased)
        self._cache.forget(is_erased)

    def settle(self) -> None:
        """Wait until the lists have been made that pages have found missing."""
        self._lists.settle()

    def close(self) -> None:
        """Write the pages that are still queued for the log. The reader and the log are the caller's to close."""
        self._lists.close()
        if self._recall is not None:
            self._recall.close()
        if self._served is not None:
            self._served.close()

    def _serving(self, surface: str) -> Serving:
        serving = self._servings.get(surface)
        if serving is None:
            raise QueryError("surface", f"expected one of {', '.join(self._servings)}, found {surface!r}")
        return serving

    def _page(
        self,
        serving: Serving,
        query: Query,
        attempt: Attempt | None = None,
        known: Sequence[Known] = (),
        rules: RuleBook | None = None,
    ) -> Page:
        request = self._request(serving, query)
        if rules is not None:
            request = replace(request, rules=rules)
        with request.trace.stage(self._viewer_features.name):
            request = self._viewer_features.hydrate(request, known)
        if warning := UNREAD.get(request.viewer.knowledge):
            request.trace.warnings.append(warning)
        if attempt is not None and attempt.why:
            request.trace.warnings.append(attempt.why)
        if attempt is not None and attempt.shared and serving.is_cached:
            page = self._shared.page(serving, request, partial(self._nobodys, serving, request))
            if page is not None:
                if self._served is not None and query.log:
                    self._served.put(page, request, Behind({}, request.now_us))
                return page
        answer = serving.ladder.descend(request, attempt)
        if answer.is_none and serving.must_answer and query.log:
            raise NothingToAsk(f"{serving.surface} cannot be answered right now; try again")
        with request.trace.stage("present"):
            page = _shown(serving, answer)
        if attempt is not None:
            attempt.check()
        if query.log:
            _count_popular(page, serving.policy.popular, answer.request.viewer.watches)
            # Of several viewers no features are logged: they are those of nobody, whom training could look up.
            scores = {} if query.viewers else _two_tower_scores(answer)
            behind = Behind(scores, answer.request.now_us)
            if answer.is_best and serving.is_cached:
                self._cache.put(page, answer.request, behind)
            if self._served is not None:
                self._served.put(page, answer.request, behind)
        return page

    def _nobodys(self, serving: Serving, like: Request, segment: Segment, limit: int) -> Page:
        """A page of nobody in particular, of a segment, in the context of another request."""
        query = replace(segment.query, limit=limit, rows=like.query.rows, log=False, request_id=like.query.request_id)
        request = self._request(serving, query)
        viewer = viewer_of([Known(segment.viewer, Knowledge.CURRENT)], query, request.now_us, self._config)
        return _shown(serving, serving.ladder.descend(replace(request, viewer=viewer), Attempt(quick=True)))

    def _request(self, serving: Serving, query: Query) -> Request:
        arrived_at = query.received_at or perf_counter()
        if query.limit < 1:
            raise QueryError("limit", f"expected at least 1, found {query.limit}")
        query = replace(query, surface=serving.surface, request_id=query.request_id or uuid.uuid4().hex)
        cursor = cursors.decode(query.cursor, query.audience) if query.cursor else cursors.FIRST
        return Request(
            query=query,
            now_us=self._now(serving),
            viewer=unread(query, self._config),
            catalog=self._reader.snapshot(),
            world=serving.world,
            seed=int.from_bytes(blake2b(query.request_id.encode(), digest_size=8).digest(), "big"),
            shown=cursor.shown,
            page=cursor.page,
            arrived_at=arrived_at,
            give_up_at=arrived_at + self._deadline_seconds(query),
            trace=Trace(),
            lists=self._lists.for_request(serving.maker) if serving.maker is not None else NoLists(),
            rules=self._rules,
            delivery=self._deliveries.get(serving.policy.delivery, NOTHING_OWED),
        )

    def _deadline_seconds(self, query: Query) -> float:
        return (query.deadline_ms or self._config.deadline_ms) / 1e3


def _newest(warm: Mapping[str, Servings], answering: str) -> dict[str, Servings]:
    """The current release, and the latest others that fit beside it and a new one."""
    others = [one for one in warm if one != answering][-(WARM - 1) :]
    return {one: warm[one] for one in (*others, answering)}


def _shown(serving: Serving, answer: Answer) -> Page:
    request, composition = answer.request, answer.composition
    rows = present(composition.rows, request, serving.reasons)
    recommendations = next((row.items for row in rows if row.row_id in serving.listed), ())
    return Page(
        request_id=request.query.request_id,
        rows=rows,
        recommendations=recommendations,
        cursor=""
        if composition.is_last
        else cursors.after(request, composition.shown_rows, composition.allowed, serving.near_duplicates),
        served_by=answer.served_by,
        release_id=serving.release_id,
        certificate=certify(
            rows,
            recommendations,
            request.query.limit,
            serving.policy,
            request.now_us,
            {rule: cost for row in composition.rows for rule, cost in row.chosen.given_up.items()},
            {rule: why for row in composition.rows for rule, why in row.chosen.broken.items()},
            serving.policy.popular.of(request.viewer.watches),
            serving.near_duplicates.looks_twice(request.catalog, composition.shown_rows),
            [share for row in composition.rows for share in row.chosen.shares],
        ),
        stage_ms=request.trace.stage_ms,
        candidates=composition.considered,
        warnings=tuple(request.trace.warnings),
        speed=answer.speed,
        age_seconds=max(request.now_us - answer.made_us, 0) / 1e6 if answer.made_us else 0.0,
    )


def _count_popular(page: Page, shares: PopularShares, watches: int) -> None:
    """Of pages that declare a share of popular videos."""
    rule = next((one for one in page.certificate["rules"] if one["rule"] == POPULAR_SHARE), None)
    if rule is not None:
        popular = int(rule["found"])
        metrics.recommended(shares.stage(watches), popular, len(page.recommendations) - popular)


def _two_tower_scores(answer: Answer) -> dict[str, float]:
    return {
        answer.request.catalog.video_ids[video]: float(score)
        for row in answer.composition.rows
        if TWO_TOWER_SCORE in row.candidates
        for video, score in zip(row.candidates.rows, row.candidates[TWO_TOWER_SCORE], strict=True)
    }
