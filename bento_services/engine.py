"""The protocol-independent core of the service: feed, event intake and status, called by HTTP and gRPC.

Pages are built on a small thread pool, so that the event loop still answers health checks while a page is computed or a
call to a dead store times out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import structlog

from bento_services import metrics, request_log
from bento_services.admission.callers import Caller
from bento_services.admission.limits import Limits
from bento_services.admission.problem import (
    DEADLINE_PASSED,
    OVERLOADED,
    Problem,
    events_down,
    malformed,
    refusal_of,
    unavailable,
)
from bento_services.catalog.verbs import Catalog
from bento_services.errors import NothingToAsk, QueryError, UnknownSubject
from bento_services.events.intake import EventIntake, Receipt
from bento_services.feed.attempt import Attempt
from bento_services.feed.breaker import Breaker
from bento_services.feed.build import build_feed
from bento_services.feed.maker import Asked, PageMaker
from bento_services.feed.page import HOME, Page, Query
from bento_services.feed.preview import Preview, previewed
from bento_services.health import RELEASE, Health
from bento_services.load.full_pages import FullPages
from bento_services.load.page_threads import PageThreads, Work
from bento_services.load.together import Together
from bento_services.people.followed import Tombstones
from bento_services.people.verbs import People
from bento_services.settings import ServiceConfig
from feature_repo.catalog.rule import Rule
from feature_repo.core.home import Home
from feature_repo.store.buckets import Buckets
from feature_repo.store.connect import StoreDown
from feature_repo.store.idempotency import Answers
from feature_repo.store.reader import FeatureReader
from feature_repo.store.receipts import Receipts
from feature_repo.store.shown import Shown
from feature_repo.store.snapshot import UserFeatures
from feature_repo.stream.log.protocol import EventLog, EventLogDown
from models.page.rulebook import RuleBook
from models.release.artifact import Release

ATTEMPTS = 2  # at a page of full quality, before a quick rung answers
LISTED_PROBLEMS = 20  # latest refused releases to list

WHY_QUICK = {
    "busy": "more pages are in work than can be made in time: a quick rung answers",
    "late": "no page of full quality was ready in time: a quick rung answers",
}

Result = TypeVar("Result")
Prepare = Callable[[Release], Release]  # e.g. replaces local models by remote ones

report = structlog.get_logger("service")


MakeFeed = Callable[[Release, FeatureReader, EventLog], PageMaker]


class Engine:
    """Built by the service at startup, or from doubles by a test. Blocking work runs on its thread pools."""

    def __init__(
        self,
        release: Release,
        reader: FeatureReader,
        log: EventLog,
        answers: Answers,
        receipts: Receipts,
        problems: Sequence[str] = (),
        prepare: Prepare = lambda release: release,
        make_feed: MakeFeed = build_feed,
        limits: Limits = Limits(),
        config: ServiceConfig = ServiceConfig(),
        health: Health | None = None,
        first_day_us: int = 0,
        home: Home | None = None,
    ) -> None:
        """`first_day_us`: of the home's data, for releases older than World.first_day_us. `home`: whose catalog is
        asked; opened when it first is."""
        self.health = health or Health()
        known = home.known_world() if home is not None else None
        example = known.example_user if known else release.world.example_user
        first_day_us = release.world.first_day_us or first_day_us
        self.world = replace(release.world, first_day_us=first_day_us, example_user=example)
        self.reader = reader
        self.home = home
        self.process = "service"  # its name among those of the home
        self.catalog = Catalog(home, config)
        self.people = People(home)
        self.buckets: Buckets | None = None  # of tokens, that all processes share; None: each has its own
        self.tombstones = Tombstones(self._forget)
        self._receipts = receipts
        self.release_id = release.release_id
        self.problems = list(problems)  # why releases could not be served
        self._prepare = prepare
        self._log = log
        self._feed = make_feed(prepare(release), reader, log)
        self._intake = EventIntake(log, answers, receipts, self.world, self._feed.hear, self.tombstones.refuses)
        self._pages = PageThreads(config.page_threads, "page")
        self._quick = PageThreads(config.quick_threads, "quick-page")
        self._together = Together(self._quick, self._make_together)
        self._full = FullPages(config.page_threads, config.page_wait_seconds)
        self._writes = ThreadPoolExecutor(config.write_threads, thread_name_prefix="write")
        self._reads = ThreadPoolExecutor(config.read_threads, thread_name_prefix="read")
        self._writing = Breaker(seconds=config.write_breaker_seconds, name="log")
        self._in_flight = 0
        self._limits = limits
        self._config = config
        self.ready = False
        metrics.answers_with(release.release_id)
        metrics.SNAPSHOT_AGE_SECONDS.set_function(self.snapshot_age_seconds)

    async def answer(self, surface: str, query: Query) -> Page:
        """One page of a surface, in the time from the arrival of its request to its deadline.

        While more pages are waiting than can be made in time, a quick rung answers; surfaces that matter less come to
        that first, and are refused first. Raises Problem: 400 for an invalid query, 404 for what there is not, 503 if
        too many are waiting even so, 504 if the caller's own deadline has passed before the last attempt.
        """
        share = self._config.share_of(surface)
        if self._in_flight >= share * self._limits.max_in_flight_pages:
            metrics.SHED.labels(surface).inc()
            raise OVERLOADED
        self._in_flight += 1
        metrics.IN_FLIGHT.set(self._in_flight)
        try:
            query = replace(query, received_at=query.received_at or perf_counter())
            query = query.without(self.tombstones.refuses)
            page = await self._page(surface, query)
        except QueryError as error:
            raise malformed(str(error), field=error.field) from error
        except (UnknownSubject, NothingToAsk) as error:
            raise refusal_of(error) from error
        finally:
            self._in_flight -= 1
            metrics.IN_FLIGHT.set(self._in_flight)
        metrics.page_answered(surface, page.served_by, page.speed, perf_counter() - query.received_at)
        for stage, milliseconds in page.stage_ms.items():
            metrics.stage_seconds(stage).observe(milliseconds / 1000)
        if surface == HOME and not page.recommendations:
            metrics.EMPTY_PAGES.inc()
        return page

    async def _page(self, surface: str, query: Query) -> Page:
        if self._feed.may_have(query, surface):
            work = self._quick.submit(partial(self._feed.cached, query, surface))
            if (page := await asyncio.wrap_future(work.future)) is not None:
                return page
        why, below = "busy", ""
        pressed = self._quick.waiting + self._together.in_flight > self._config.quick_waiting
        if self._full.admits(self._config.share_of(surface), pressed):
            self._full.begin()
            try:
                for attempts in range(1, ATTEMPTS + 1):
                    attempt = Attempt(below=below)
                    if (page := await self._attempt(surface, query, attempt, attempts)) is not None:
                        return page
                    why = "late"
                    if attempt.breaker is None:
                        break  # it was not even begun, or has come to a quick rung
                    below = attempt.rung
            finally:
                self._full.end()
        if query.deadline_ms and perf_counter() > query.received_at + query.deadline_ms / 1e3:
            raise DEADLINE_PASSED
        metrics.quick_pages(why).inc()
        quick = Attempt(quick=True, shared=pressed, below=below, why=WHY_QUICK[why])
        if pressed:
            return await self._together.ask((query, surface, quick))
        make = partial(self._make, surface, query, quick)
        return (await asyncio.wrap_future(self._quick.submit(make).future))[0]

    async def _attempt(self, surface: str, query: Query, attempt: Attempt, attempts: int) -> Page | None:
        """The page, or None when it was given up."""
        work: Work[tuple[Page, float]] = self._pages.submit(partial(self._make, surface, query, attempt))
        try:
            async with asyncio.timeout(self._feed.patience(query, attempts) - perf_counter()):
                page, seconds = await asyncio.wrap_future(work.future)
        except TimeoutError:
            self._pages.give_up(work)
            # A caller in a hurry has waited for less than what a rung may take.
            waited = float("inf") if query.deadline_ms else perf_counter() - query.received_at
            if attempt.give_up(waited):
                report.error("a page was given up", rung=attempt.rung, request_id=query.request_id)
            if not query.deadline_ms:
                self._full.late()
            return None
        if attempt.late and not query.deadline_ms:
            self._full.late()
        else:
            self._full.took(seconds)
        return page

    def _make(self, surface: str, query: Query, attempt: Attempt) -> tuple[Page, float]:
        started = perf_counter()
        metrics.QUEUE_SECONDS.observe(started - query.received_at)
        page = self._feed.page(query, surface, attempt)
        return page, perf_counter() - started

    def _make_together(self, asked: Sequence[Asked]) -> list[Page | Exception]:
        started = perf_counter()
        for query, _, _ in asked:
            metrics.QUEUE_SECONDS.observe(started - query.received_at)
        return self._feed.pages(asked)

    @property
    def hangs(self) -> bool:
        """Whether no page can be made any more: all threads have been at one for far longer than any deadline."""
        seconds = self._config.hung_page_seconds
        return self._pages.hang(seconds) or self._quick.hang(seconds)

    async def accept(self, sent: Any, *, caller: Caller, user_id: str = "", key: str = "") -> Receipt:
        """Accept events; they are durable when this returns. Raises Problem as EventIntake does, and 503 while a part
        that events need is down or slow: no caller waits long, and no event is accepted that would not be folded."""
        if why := self.health.stops_events():
            metrics.EVENTS_REFUSED.labels("part_down").inc()
            raise unavailable(f"events are not accepted now: {why}", taken="none")
        if not self._writing.allows():
            metrics.EVENTS_REFUSED.labels("log_down").inc()
            raise events_down(asked=False)
        writing = asyncio.get_running_loop().run_in_executor(
            self._writes, partial(self._intake.accept, sent, caller=caller, user_id=user_id, key=key)
        )
        try:
            receipt = await asyncio.wait_for(writing, self._config.write_seconds)
        except TimeoutError as error:
            self._writing.failed()
            metrics.EVENTS_REFUSED.labels("late").inc()
            raise events_down(asked=True) from error
        except Problem as problem:
            if problem.status == 503:
                self._writing.failed()
            else:
                self._writing.succeeded()
            raise
        self._writing.succeeded()
        return receipt

    def _forget(self, is_erased: Callable[[str], bool]) -> None:
        if self.world.example_user and is_erased(self.world.example_user):
            self.world = replace(self.world, example_user="")
        self._feed.forget(is_erased)

    async def is_visible(self, event_id: str, user_id: str = "") -> bool:
        """Whether this event (of this viewer, if given) has reached the features."""
        return await self._blocking(lambda: self._receipts.folded_us(event_id, user_id)) is not None

    async def viewers(self, count: int) -> list[str]:
        return await self._blocking(lambda: self.reader.viewers(count))

    async def viewer(self, user_id: str) -> UserFeatures:
        """The features of one viewer. Unlike a page, it waits for a busy store, since it has no fallback."""
        return (await self._blocking(lambda: self.reader.users([user_id])))[0]

    def knows(self, video_id: str) -> bool:
        snapshot = self.reader.snapshot()
        return not len(snapshot) or video_id in snapshot.row_of  # with an empty snapshot, every id passes

    def status(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "release_id": self.release_id,
            "world": self.world.name,
            "example_user": self.world.example_user,
            "videos": self.reader.snapshot().shown,
            "snapshot_age_seconds": round(self.snapshot_age_seconds(), 1),
            "refused_releases": self.problems,
            "events": {"ready": not (why := self.health.stops_events()), "why": why},
            "parts": self.health.parts(),
        }

    @property
    def rules(self) -> RuleBook:
        return self._feed.rules

    def use_rules(self, rules: RuleBook) -> None:
        """Every page keeps these from now on."""
        self._feed.use_rules(rules)

    def use_shown(self, shown: Shown) -> None:
        """New videos are owed what these counts leave."""
        self._feed.use_shown(shown)

    async def preview(self, surface: str, query: Query, rule: Rule) -> Preview:
        """A viewer's page without a rule and with it; nobody's page changes. Raises Problem 400 as `answer`."""
        try:
            return await self._blocking(lambda: previewed(self._feed.page_with, self.rules, rule, query, surface))
        except QueryError as error:
            raise malformed(str(error), field=error.field) from error

    def warm_up(self) -> None:
        """Build some pages before the first request: first calls compile kernels, fill caches and open connections.

        On the threads that make pages: what they keep, each has its own.
        """
        users = [self.world.example_user or "nobody", "warm-up"]
        for number in range(self._config.warm_up_pages):
            query = Query(
                user_id=users[number % 2],
                request_id=f"warm-up-{number}",
                deadline_ms=self._config.warm_up_deadline_ms,
                log=False,
            )
            started = perf_counter()
            self._pages.submit(partial(self._feed.page, query, HOME)).future.result()
            if number >= self._config.warm_up_pages // 2:  # the first ones load and compile
                self._full.took(perf_counter() - started)
            self._quick.submit(partial(self._feed.page, query, HOME, Attempt(quick=True))).future.result()
        self.ready = True
        self._say_release(refused=self.problems[-1] if self.problems else "")

    def keep_warm(self, release: Release) -> None:
        """Load a release and warm it up, beside the one that serves."""
        self._feed.keep_warm(self._prepare(release))

    def is_warm(self, release_id: str) -> bool:
        return self._feed.is_warm(release_id)

    def switch(self, release_id: str) -> None:
        """Switch to a warm release (blue/green): requests in flight finish with the old one."""
        before = self.release_id
        self._feed.switch(release_id)
        self.release_id = release_id
        metrics.answers_with(release_id)
        self._say_release()
        report.info("release swapped", before=before, now=release_id)

    def swap(self, release: Release) -> None:
        """Load a release and switch to it; the old one stays warm."""
        self.keep_warm(release)
        self.switch(release.release_id)

    def refuse(self, why: str) -> None:
        """Record why a release cannot be served; `status` lists it."""
        if why not in self.problems:
            metrics.RELEASES_REFUSED.inc()
            self.problems = [*self.problems, why][-LISTED_PROBLEMS:]
            report.error("release refused, the old one stays", why=why, release_id=self.release_id)
        self._say_release(refused=why)

    def _say_release(self, refused: str = "") -> None:
        request_log.answers_with(self.release_id)
        if refused:
            self.health.degraded(RELEASE, f"another was refused: {refused}", release_id=self.release_id)
        else:
            self.health.ok(RELEASE, release_id=self.release_id)

    def close(self) -> None:
        self._pages.close()
        self._quick.close()
        self._writes.shutdown()
        self._reads.shutdown()
        self.catalog.close()
        self._intake.close()
        self._feed.close()
        self.reader.close()
        self._log.close()

    async def _blocking(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reads, work)
        except (StoreDown, EventLogDown) as error:
            raise unavailable("the store does not answer; try again") from error

    def snapshot_age_seconds(self) -> float:
        """Seconds since the features of videos were last synchronized with the store."""
        return max(self.world.now_us() - self.reader.snapshot().as_of_us, 0) / 1e6
