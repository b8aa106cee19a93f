"""Blocking calls to the catalog's database: few at once, each awaited for a bounded time, none while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from bento_services.admission.problem import Problem
from bento_services.catalog.incoming import outside, refused
from bento_services.feed.breaker import Breaker
from feature_repo.catalog.errors import CatalogDown, Conflict, InvalidVideos, UnknownVideo
from feature_repo.catalog.rule import InvalidRule, UnknownRule
from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.limits import shown

Result = TypeVar("Result")

report = structlog.get_logger("catalog")


class Lane:
    """Reads have one and changes another: a database in which somebody writes for long still answers reads."""

    def __init__(self, name: str, *, changes: bool, threads: int, seconds: float, pause_seconds: float) -> None:
        """`pause_seconds`: after several failures in a row nobody asks the database for so long."""
        self._changes = changes
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._breaker = Breaker(seconds=pause_seconds, name="catalog")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Raises Problem: 404, 412 and 422 as the catalog refuses; 503 while it does not answer, or there is none."""
        if not self._breaker.allows():
            raise self._down("none")
        call = self._threads.submit(work)
        try:
            found = await asyncio.wait_for(asyncio.wrap_future(call), self._seconds)
        except TimeoutError as error:
            self._breaker.failed()
            report.warning("the catalog is late", seconds=self._seconds)
            raise self._down("none" if call.cancel() else "unknown") from error
        except CatalogDown as error:
            self._breaker.failed()
            report.warning("the catalog is down", why=str(error))
            raise self._down("unknown") from error
        except MarqueeError as error:
            self._breaker.succeeded()
            raise _problem(error) from error
        self._breaker.succeeded()
        return found

    def close(self) -> None:
        """Waits for nobody: a database that hangs would keep the process."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _down(self, changed: str) -> Problem:
        details = {"changed": changed} if self._changes else {}
        doubt = (
            "whether the change was made is not known: read the video" if changed == "unknown" else "nothing changed"
        )
        said = f"; {doubt}, and try again" if self._changes else "; try again"
        return Problem(503, "catalog_down", f"the catalog does not answer{said}", details, retry_after_seconds=1)


def _problem(error: MarqueeError) -> Problem:
    if isinstance(error, UnknownVideo):
        return Problem(404, "unknown_video", "no video has this id", {"video_id": error.video_id})
    if isinstance(error, UnknownRule):
        return Problem(404, "unknown_rule", "no rule has this id", {"rule_id": error.rule_id})
    if isinstance(error, InvalidRule):
        faults = [
            {"field": one.field, "expectation": one.expectation, "found": shown(one.found)} for one in error.faults
        ]
        return Problem(422, "unprocessable", str(error), {"faults": faults})
    if isinstance(error, Conflict):
        details = {f"{error.thing}_id": error.thing_id, "expected": error.expected, "current": error.current}
        return Problem(412, "version_conflict", str(error), details)
    if isinstance(error, InvalidVideos):
        return refused(outside(error.faults), 1 + max((fault.at for fault in error.faults), default=0))
    if isinstance(error, HomeError):
        return Problem(503, "no_catalog", f"this service has no catalog: {error}")
    report.error("the catalog cannot be used", why=str(error))
    return Problem(503, "catalog_unusable", "the catalog cannot be used; the log says why")
