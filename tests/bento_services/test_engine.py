"""The engine: pages under a limit, releases that change, a store that does not answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any

import msgspec
import pytest
from worlds.by_hand import Made

from bento_services.admission.callers import ANYBODY_HERE
from bento_services.admission.problem import Problem
from bento_services.engine import WHY_QUICK
from bento_services.feed.attempt import Attempt
from bento_services.feed.breaker import Breaker
from bento_services.feed.page import Page, Query
from bento_services.health import DEGRADED, OK, PROCESSOR, RELEASE
from feature_repo.store.connect import StoreDown


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()


async def test_a_page_beyond_the_limit_is_refused_and_the_place_is_given_back(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    make = made.feed.page

    def slowly(query: Query, surface: str = "home", attempt: Attempt | None = None) -> Page:
        going_on.wait(10)
        return make(query, surface)

    monkeypatch.setattr(made.feed, "page", slowly)
    limit = 5
    made.engine._limits = replace(made.engine._limits, max_in_flight_pages=limit)
    asked = [asyncio.ensure_future(made.engine.answer("home", Query())) for _ in range(limit)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await made.engine.answer("home", Query())
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    going_on.set()
    assert {page.served_by for page in await asyncio.gather(*asked)} == {"full_funnel"}
    assert (await made.engine.answer("home", Query())).recommendations


async def test_it_hangs_when_its_page_thread_has_for_long_and_not_before(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    make = made.feed.page

    def stuck(query: Query, surface: str = "home", attempt: Attempt | None = None) -> Page:
        going_on.wait(10)
        return make(query, surface)

    made.engine._config = replace(made.engine._config, hung_page_seconds=0.1)
    monkeypatch.setattr(made.feed, "page", stuck)
    asked = [asyncio.ensure_future(made.engine.answer("home", Query()))]
    await asyncio.sleep(0.05)
    assert not made.engine.hangs
    await asyncio.sleep(0.3)
    assert made.engine.hangs
    going_on.set()
    await asyncio.gather(*asked)
    assert not made.engine.hangs


async def test_a_page_that_hangs_is_made_by_a_lower_rung_and_its_thread_is_replaced(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    make = made.feed.page
    breaker = Breaker(failures=1, name="test")

    def hung(query: Query, surface: str, attempt: Attempt) -> Page:
        if attempt.quick or attempt.below == "full_funnel":
            return msgspec.structs.replace(make(query, surface), served_by="retrieval_only")
        attempt.enter("full_funnel", breaker)
        going_on.wait(10)
        return make(query, surface)

    monkeypatch.setattr(made.feed, "page", hung)
    monkeypatch.setattr(made.feed, "patience", lambda query, attempts: query.received_at + 0.05 * attempts)
    pages = [await made.engine.answer("home", Query()) for _ in range(3 * made.engine._config.page_threads)]
    assert {page.served_by for page in pages} == {"retrieval_only"}
    assert not breaker.allows()
    going_on.set()


async def test_while_pages_of_full_quality_wait_too_long_a_quick_rung_answers(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    make = made.feed.page

    def slowly(query: Query, surface: str, attempt: Attempt) -> Page:
        if attempt.quick:
            return msgspec.structs.replace(make(query, surface), served_by="popular", warnings=(attempt.why,))
        going_on.wait(10)
        return make(query, surface)

    monkeypatch.setattr(made.feed, "page", slowly)
    limit = made.engine._full.limit
    full = [asyncio.ensure_future(made.engine.answer("home", Query())) for _ in range(limit)]
    await asyncio.sleep(0)
    more = await asyncio.gather(*(made.engine.answer("home", Query()) for _ in range(3 * limit)))
    assert {(page.served_by, page.warnings) for page in more} == {("popular", (WHY_QUICK["busy"],))}
    going_on.set()
    assert {page.served_by for page in await asyncio.gather(*full)} == {"full_funnel"}
    assert (await made.engine.answer("home", Query())).served_by == "full_funnel"


async def test_when_very_many_wait_those_of_a_segment_share_a_page(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on, shared = threading.Event(), []
    make = made.feed.page

    def slowly(query: Query, surface: str, attempt: Attempt) -> Page:
        going_on.wait(10)
        shared.append(attempt.shared)
        return make(query, surface)

    monkeypatch.setattr(made.feed, "page", slowly)
    monkeypatch.setattr(made.engine._full, "admits", lambda *_: False)
    few = made.engine._config.quick_waiting
    pages = [asyncio.ensure_future(made.engine.answer("home", Query())) for _ in range(3 * few)]
    while made.engine._quick.waiting + made.engine._together.in_flight + 1 < len(pages):  # the first is being made
        await asyncio.sleep(0.01)
    going_on.set()
    await asyncio.gather(*pages)
    assert few < shared.count(False) <= few + 2  # those that came first
    assert shared[-1]


async def test_a_page_that_is_late_on_a_quick_rung_is_made_by_a_quick_rung(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, going_on = made.feed.page, threading.Event()

    def late(query: Query, surface: str, attempt: Attempt) -> Page:
        if not attempt.quick:
            attempt.enter("static", None)
            going_on.wait(10)
        assert attempt.why == WHY_QUICK["late"] or not attempt.quick
        assert not attempt.below  # what is below the last rung is nothing
        return make(query, surface)

    monkeypatch.setattr(made.feed, "page", late)
    monkeypatch.setattr(made.feed, "patience", lambda query, attempts: query.received_at + 0.05 * attempts)
    assert (await made.engine.answer("home", Query())).recommendations
    going_on.set()


async def test_a_deadline_of_the_caller_that_passes_while_nothing_was_made_is_a_504(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made.engine._full, "admits", lambda *_: False)
    with pytest.raises(Problem) as problem:
        await made.engine.answer("home", Query(deadline_ms=5, received_at=perf_counter() - 0.006))
    assert (problem.value.status, problem.value.code) == (504, "deadline_passed")
    assert (await made.engine.answer("home", Query(received_at=perf_counter() - 60.0))).recommendations


async def test_a_cached_page_is_asked_for_first_and_another_is_made_where_it_is_outdated(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = msgspec.structs.replace(made.feed.page(Query()), speed="page_cache")
    answers = [kept, None]
    monkeypatch.setattr(made.feed, "may_have", lambda query, surface: True)
    monkeypatch.setattr(made.feed, "cached", lambda query, surface: answers.pop(0))
    assert [(await made.engine.answer("home", Query())).speed for _ in range(2)] == ["page_cache", "full"]


async def test_an_invalid_query_is_a_400_that_names_the_field(made: Made) -> None:
    with pytest.raises(Problem) as problem:
        await made.engine.answer("home", Query(cursor="not-a-cursor"))
    assert (problem.value.status, problem.value.details) == (400, {"field": "cursor"})


async def test_a_store_that_does_not_answer_is_a_503_that_may_be_tried_again(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(count: int) -> Any:
        raise StoreDown("told to be down")

    monkeypatch.setattr(made.reader, "viewers", down)
    with pytest.raises(Problem) as problem:
        await made.engine.viewers(3)
    assert (problem.value.status, problem.value.retry_after_seconds) == (503, 1)


async def test_no_event_is_accepted_while_nobody_would_fold_it_and_pages_go_on(made: Made) -> None:
    made.engine.health.down(PROCESSOR, "process 4711 is gone")
    with pytest.raises(Problem, match="processor is down: process 4711 is gone") as refused:
        await made.engine.accept({"user_id": "u1", "video_id": "v1", "event": "like"}, caller=ANYBODY_HERE)
    assert (refused.value.status, refused.value.retry_after_seconds) == (503, 1)
    assert made.engine.status()["events"] == {"ready": False, "why": "processor is down: process 4711 is gone"}
    assert (await made.engine.answer("home", Query())).recommendations
    made.engine.health.ok(PROCESSOR)
    assert (
        await made.engine.accept({"user_id": "u1", "video_id": "v1", "event": "like"}, caller=ANYBODY_HERE)
    ).accepted == 1


def test_pages_that_nobody_sees_are_made_before_it_is_ready(made: Made) -> None:
    made.engine.ready = False
    made.engine.warm_up()
    assert made.engine.ready
    assert {query.log for query in made.feed.queries} == {False}
    assert {query.user_id for query in made.feed.queries} == {"u1", "warm-up"}


def test_how_many_pages_may_be_in_work_is_known_before_it_is_ready_and_not_from_the_first_which_compile(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, seconds = made.feed.page, iter([0.2, *[0.0] * 100])

    def slowly_at_first(query: Query, surface: str = "home", attempt: Attempt | None = None) -> Page:
        time.sleep(next(seconds))
        return make(query, surface)

    monkeypatch.setattr(made.feed, "page", slowly_at_first)
    unknown = made.engine._full.limit
    made.engine.warm_up()
    assert made.engine._full.limit > 2 * unknown


def test_a_swap_changes_the_release_that_status_names_and_a_refusal_is_told_once(made: Made) -> None:
    class Release:
        release_id = "r-00000000000b"

    made.engine.swap(Release())  # type: ignore[arg-type]
    for _ in range(2):
        made.engine.refuse("r-00000000000c: static.json was changed")
    assert made.feed.released == ["r-00000000000b"]
    status = made.engine.status()
    assert status["release_id"] == "r-00000000000b"
    assert status["refused_releases"] == ["r-00000000000c: static.json was changed"]
    assert (status["parts"][RELEASE].state, status["parts"][RELEASE].why) == (
        DEGRADED,
        "another was refused: r-00000000000c: static.json was changed",
    )
    made.engine.swap(Release())  # type: ignore[arg-type]
    assert made.engine.health.of(RELEASE).state == OK


def test_a_video_is_known_by_the_snapshot_and_any_video_by_an_empty_one(made: Made) -> None:
    assert [made.engine.knows(video_id) for video_id in ("v1", "v99")] == [True, False]
    made.reader.videos_by_id.clear()
    made.reader.refresh()
    assert made.engine.knows("v99")


LIKE = {"user_id": "u1", "item_id": "v1", "event": "like"}


async def refused(made: Made) -> Problem:
    with pytest.raises(Problem) as refused:
        await made.engine.accept(LIKE, caller=ANYBODY_HERE)
    return refused.value


def hanging(made: Made, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The log hangs until the event that this returns is set."""
    back = threading.Event()
    append = made.log.append

    def hang(topic: str, items: Any, *, durable: bool = True) -> list[str]:
        back.wait(20)
        return append(topic, items)

    monkeypatch.setattr(made.log, "append", hang)
    return back


async def test_events_are_refused_in_time_while_the_log_hangs_and_taken_again_by_themselves(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = hanging(made, monkeypatch)
    waiting = [refused(made) for _ in range(20)]  # more than there are threads that write
    problems = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert {(problem.status, problem.retry_after_seconds) for problem in problems} == {(503, 1)}
    assert len(made.log.records) == 0
    back.set()
    made.engine._writing._seconds = 0.0
    made.engine._writing._retry_at = 0.0
    assert (await made.engine.accept(LIKE, caller=ANYBODY_HERE)).accepted == 1


async def test_nobody_asks_a_log_that_has_just_failed(made: Made) -> None:
    made.log.down = True
    for _ in range(3):
        asked = await refused(made)
        assert (asked.status, asked.details) == (503, {"taken": "unknown"})
    made.log.down = False
    not_asked = await refused(made)
    assert (not_asked.status, not_asked.details) == (503, {"taken": "none"})
    made.engine._writing._retry_at = 0.0
    assert (await made.engine.accept(LIKE, caller=ANYBODY_HERE)).accepted == 1
    assert (await made.engine.accept(LIKE, caller=ANYBODY_HERE)).accepted == 1


async def test_an_event_that_cannot_be_is_no_failure_of_the_log(made: Made) -> None:
    for _ in range(5):
        with pytest.raises(Problem) as refused:
            await made.engine.accept({"event": "stare"}, caller=ANYBODY_HERE)
        assert refused.value.status == 422
    assert (await made.engine.accept(LIKE, caller=ANYBODY_HERE)).accepted == 1


async def test_what_was_accepted_is_heard_by_the_feed(made: Made) -> None:
    await made.engine.accept(LIKE, caller=ANYBODY_HERE)
    assert [(event.user_id, event.event) for event in made.feed.heard] == [("u1", "like")]


async def test_a_reader_that_hangs_takes_no_thread_from_those_who_write(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()

    def hang(*asked: Any) -> None:
        back.wait(20)

    monkeypatch.setattr(made.receipts, "folded_us", hang)
    asking = [asyncio.ensure_future(made.engine.is_visible("e1", "u1")) for _ in range(20)]
    await asyncio.sleep(0)
    try:
        assert (await made.engine.accept(LIKE, caller=ANYBODY_HERE)).accepted == 1
    finally:
        back.set()
        await asyncio.gather(*asking)
