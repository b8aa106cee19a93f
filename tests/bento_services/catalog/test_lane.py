"""Nobody waits long for a catalog that does not answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from bento_services.admission.problem import Problem
from bento_services.catalog.lane import Lane
from feature_repo.catalog.errors import CatalogDown, ForeignCatalog, UnknownVideo


@pytest.fixture
def going_on() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def lane(*, changes: bool = True, seconds: float = 0.05, pause_seconds: float = 60.0) -> Lane:
    return Lane("catalog-test", changes=changes, threads=1, seconds=seconds, pause_seconds=pause_seconds)


async def outcome(lane: Lane, work: object) -> Problem:
    with pytest.raises(Problem) as problem:
        await lane.run(work)  # type: ignore[arg-type]
    return problem.value


async def test_what_hangs_is_left_and_the_answer_says_what_may_have_happened(going_on: threading.Event) -> None:
    hung = lane()
    running, queued = await asyncio.gather(outcome(hung, going_on.wait), outcome(hung, going_on.wait))
    for problem, changed in ((running, "unknown"), (queued, "none")):
        assert (problem.status, problem.code, problem.retry_after_seconds) == (503, "catalog_down", 1)
        assert problem.details == {"changed": changed}
    hung.close()


async def test_after_failures_in_a_row_nobody_is_asked(going_on: threading.Event) -> None:
    asked = 0

    def down() -> None:
        nonlocal asked
        asked += 1
        raise CatalogDown("no connection to 10.0.0.7")

    broken = lane(seconds=5.0)
    for _ in range(3):
        assert (await outcome(broken, down)).details == {"changed": "unknown"}
    problem = await outcome(broken, down)
    assert (asked, problem.details) == (3, {"changed": "none"})
    assert "10.0.0.7" not in problem.message
    broken.close()


async def test_a_refusal_is_no_failure_of_the_database() -> None:
    def unknown() -> None:
        raise UnknownVideo("v1")

    healthy = lane(changes=False, seconds=5.0)
    for _ in range(5):
        assert (await outcome(healthy, unknown)).status == 404
    assert await healthy.run(lambda: 7) == 7
    healthy.close()


async def test_a_catalog_that_cannot_be_used_is_not_described_to_callers() -> None:
    def foreign() -> None:
        raise ForeignCatalog("postgresql://marquee@db/catalog: expected …")

    refusing = lane(changes=False, seconds=5.0)
    problem = await outcome(refusing, foreign)
    assert (problem.status, problem.code, problem.retry_after_seconds) == (503, "catalog_unusable", None)
    assert "postgresql" not in problem.message
    refusing.close()
