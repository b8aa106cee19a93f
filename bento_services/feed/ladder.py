"""The ladder of fallbacks, best rung first: if one fails, the next is tried; the page names the one that answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import structlog

from bento_services.errors import StageFailed
from bento_services.feed.attempt import Attempt
from bento_services.feed.breaker import Breaker
from bento_services.feed.page import FULL
from bento_services.feed.pipeline import Composition, Pipeline
from bento_services.feed.recent_times import RecentTimes
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge
from feature_repo.store.made_lists import MadeList
from feature_repo.store.snapshot import VideoSnapshot
from models.allowed import Allowed

ListOf = Callable[[Request], MadeList | None]

report = structlog.get_logger("feed")


@dataclass(frozen=True)
class Rung:
    name: str  # `served_by` of the page
    pipeline: Pipeline
    breaker: Breaker
    needs_viewer: bool = False  # skipped while the viewer's features cannot be read
    patient: bool = False  # takes about a millisecond, and ignores the deadline
    share: float = 1.0  # of the deadline: until then it may take
    for_personal: bool = False  # only for queries that ask for the viewer's order
    for_unread: bool = False  # also answers viewers whose features could not be read at all
    list_of: ListOf | None = None  # what it is made from; a request without it is passed over
    leads: Callable[[Request], bool] | None = None  # whether it is tried before all others
    speed: str = FULL  # Page.speed
    catalog: VideoSnapshot | None = None  # used instead of the live catalog, which still says what is taken down
    times: RecentTimes = field(default_factory=RecentTimes)

    def suits(self, request: Request) -> bool:
        """Whether the request has what this rung needs; otherwise it is skipped without a warning."""
        if self.for_personal and not request.query.personal:
            return False
        if self.catalog is None and not len(request.catalog):
            return False
        if request.viewer.knowledge is Knowledge.NONE:
            return self.for_unread
        if self.needs_viewer and request.viewer.knowledge is not Knowledge.CURRENT:
            return False
        return self.list_of is None or self.list_of(request) is not None

    def request(self, request: Request) -> Request:
        """The request for this rung: with its catalog, and its share of the deadline, or none if it is patient."""
        if self.patient:
            request = replace(request, give_up_at=float("inf"))
        elif self.share < 1:
            request = replace(request, give_up_at=request.until(self.share))
        if self.catalog is not None:
            request = replace(request, catalog=self.catalog.without_what_is_gone(request.catalog, request.now_us))
        return request


@dataclass(frozen=True)
class Answer:
    served_by: str  # the rung's name
    request: Request  # as the rung saw it
    composition: Composition
    speed: str = FULL
    made_us: int = 0  # when what the page is made from was made; 0: for this request
    is_best: bool = False  # nothing better is to be had: it is worth keeping
    is_none: bool = False  # no rung could answer


@dataclass(frozen=True)
class Ladder:
    rungs: tuple[Rung, ...]

    def __iter__(self) -> Iterator[Rung]:
        return iter(self.rungs)

    def rung(self, name: str) -> Rung:
        return next(rung for rung in self.rungs if rung.name == name)

    def descend(self, request: Request, attempt: Attempt | None = None) -> Answer:
        """The answer of the first rung that succeeds; if none does, an empty one in the name of the last.

        A rung that usually takes longer than the time that is left for it is not tried. `attempt` narrows the choice.
        Raises GivenUp.
        """
        attempt = attempt or Attempt()
        warnings = request.trace.warnings
        for rung in self._offered(attempt, request):
            if not rung.suits(request):
                continue
            started = perf_counter()
            adapted = rung.request(request)
            if started + rung.times.p95() > adapted.give_up_at:
                warnings.append(f"{rung.name} is skipped for lack of time")
                continue
            if not rung.breaker.allows() and rung is not self.rungs[-1]:  # below the last there is nothing
                warnings.append(f"{rung.name} is skipped after repeated failures")
                continue
            attempt.enter(rung.name, None if rung.patient else rung.breaker)
            try:
                composition = rung.pipeline.run(adapted)
            except StageFailed as failure:
                attempt.late = attempt.late or failure.late
                if not failure.late or _is_slow(adapted, started):
                    rung.breaker.failed()
                warnings.append(f"{rung.name} failed at {failure.stage}")
                report.warning("rung failed", rung=rung.name, why=str(failure), request_id=request.query.request_id)
                continue
            rung.breaker.succeeded()
            rung.times.add(perf_counter() - started)
            made = rung.list_of(request) if rung.list_of is not None else None
            return Answer(
                rung.name,
                adapted,
                composition,
                rung.speed,
                made_us=made.made_us if made is not None else 0,
                is_best=rung is self.rungs[0] or (rung.leads is not None and rung.leads(request)),
            )
        warnings.append("no rung could answer")
        nothing = Composition([], 0, Allowed.of(np.zeros(len(request.catalog), dtype=bool)))
        return Answer(self.rungs[-1].name, request, nothing, is_none=True)

    def _offered(self, attempt: Attempt, request: Request) -> Iterator[Rung]:
        """Best first, but for a rung that leads. One that was given up is not offered again, nor are those above."""
        first = None
        if not attempt.below and not attempt.quick:
            first = next((rung for rung in self.rungs if rung.leads is not None and rung.leads(request)), None)
        if first is not None:
            yield first
        below = not attempt.below
        for rung in self.rungs:
            if below and rung is not first and (rung.patient or not attempt.quick):
                yield rung
            below = below or rung.name == attempt.below


def _is_slow(request: Request, started: float) -> bool:
    """Whether a late rung took the time itself: not a queue, earlier rungs, or a caller's short deadline."""
    return not request.query.deadline_ms and perf_counter() - started > request.give_up_at - request.arrived_at
