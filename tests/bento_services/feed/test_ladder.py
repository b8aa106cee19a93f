"""Rungs as data: who is asked, who is passed over, and what is said of it. No stage of a real feed is in here."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.errors import StageFailed
from bento_services.feed.attempt import Attempt, GivenUp
from bento_services.feed.breaker import Breaker
from bento_services.feed.config import FeedConfig
from bento_services.feed.ladder import Ladder, Rung
from bento_services.feed.page import Query
from bento_services.feed.pipeline import Composition
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.stages import Request
from bento_services.feed.viewer import Knowledge, unread
from feature_repo.store.memory import MemoryReader
from models.allowed import Allowed

READER = feed_world.toy_reader()
NOTHING = MemoryReader(feed_world.TOY, {}, {}).snapshot()


class Answers:
    """A pipeline that answers, or fails as it is told."""

    def __init__(self, failure: StageFailed | None = None) -> None:
        self.failure = failure
        self.asked: list[Request] = []

    def run(self, request: Request) -> Composition:
        self.asked.append(request)
        if self.failure:
            raise self.failure
        return Composition([], 7, Allowed.of(np.ones(len(request.catalog), dtype=bool)))


def rung(name: str, pipeline: Answers, **given: Any) -> Rung:
    return Rung(name, pipeline, Breaker(failures=2, seconds=60.0, name="test"), **given)  # type: ignore[arg-type]


def request_of(read: bool = True, catalog: Any = None, **query: Any) -> Request:
    asked = Query(user_id="heavy", **query)
    snapshot = READER.snapshot() if catalog is None else catalog
    request = Request(asked, NOW_US, unread(asked, FeedConfig()), snapshot, feed_world.TOY, seed=1)
    return ViewerFeatures(READER, FeedConfig()).hydrate(request) if read else request


def test_the_first_rung_that_can_answers_and_the_others_are_not_asked() -> None:
    first, second = Answers(StageFailed("ranker", "broken")), Answers()
    third = Answers()
    request = request_of()
    answer = Ladder((rung("a", first), rung("b", second), rung("c", third))).descend(request)
    assert (answer.served_by, answer.composition.considered) == ("b", 7)
    assert request.trace.warnings == ["a failed at ranker"]
    assert third.asked == []


def test_of_whom_nothing_could_be_read_only_a_rung_for_such_viewers_answers_and_no_word_is_lost_on_the_others() -> None:
    personal, plain = rung("personal", Answers(), needs_viewer=True), rung("plain", Answers())
    ladder = Ladder((personal, plain, rung("unread", Answers(), for_unread=True)))
    assert ladder.descend(request_of()).served_by == "personal"
    unknown = request_of(read=False)
    assert ladder.descend(unknown).served_by == "unread"
    assert unknown.trace.warnings == []


def test_a_rung_that_needs_the_viewer_is_passed_over_when_only_older_features_are_known() -> None:
    ladder = Ladder((rung("personal", Answers(), needs_viewer=True), rung("plain", Answers())))
    request = request_of()
    older = replace(request, viewer=replace(request.viewer, knowledge=Knowledge.REMEMBERED))
    assert ladder.descend(older).served_by == "plain"


def test_without_a_catalog_only_a_rung_with_its_own_answers() -> None:
    own = Answers()
    ladder = Ladder((rung("live", Answers()), rung("own", own, catalog=READER.snapshot())))
    assert ladder.descend(request_of(catalog=NOTHING)).served_by == "own"
    assert own.asked[0].catalog is READER.snapshot()


def test_a_patient_rung_has_all_the_time() -> None:
    hasty, patient = Answers(), Answers()
    Ladder((rung("hasty", hasty),)).descend(replace(request_of(), give_up_at=1e9))
    Ladder((rung("patient", patient, patient=True),)).descend(request_of())
    assert (hasty.asked[0].give_up_at, patient.asked[0].give_up_at) == (1e9, float("inf"))


def test_a_rung_that_goes_on_failing_is_left_alone() -> None:
    broken = Answers(StageFailed("ranker", "broken"))
    ladder = Ladder((rung("a", broken), rung("b", Answers())))
    for _ in range(2):
        ladder.descend(request_of())
    request = request_of()
    assert ladder.descend(request).served_by == "b"
    assert request.trace.warnings == ["a is skipped after repeated failures"]
    assert len(broken.asked) == 2


def test_when_no_rung_can_answer_the_last_one_is_named_and_the_page_is_empty() -> None:
    request = request_of()
    rungs = (rung("a", Answers(StageFailed("x", ""))), rung("z", Answers(StageFailed("y", ""))))
    answer = Ladder(rungs).descend(request)
    assert (answer.served_by, list(answer.composition.rows)) == ("z", [])
    assert answer.composition.allowed.count == 0
    assert request.trace.warnings[-1] == "no rung could answer"


def test_a_rung_has_until_its_share_of_the_deadline_and_a_patient_one_has_no_end() -> None:
    first, last = Answers(StageFailed("ranker", "broken")), Answers()
    request = replace(request_of(), arrived_at=perf_counter(), give_up_at=perf_counter() + 100.0)
    Ladder((rung("a", first, share=0.5), rung("b", last, patient=True))).descend(request)
    assert first.asked[0].give_up_at == pytest.approx(request.arrived_at + 50.0, abs=0.01)
    assert last.asked[0].give_up_at == float("inf")


def test_a_rung_that_usually_takes_longer_than_is_left_is_not_tried() -> None:
    slow, quick = Answers(), Answers()
    usually = rung("slow", slow)
    for _ in range(20):
        usually.times.add(3.0)
    request = replace(request_of(), arrived_at=perf_counter(), give_up_at=perf_counter() + 2.0)
    assert Ladder((usually, rung("quick", quick))).descend(request).served_by == "quick"
    assert request.trace.warnings == ["slow is skipped for lack of time"]
    assert Ladder((usually, rung("quick", quick))).descend(request_of()).served_by == "slow"


def test_lateness_is_charged_to_the_rung_whose_own_time_it_was() -> None:
    late = StageFailed("ranker", "the deadline has passed", late=True)

    def charged(**given: Any) -> bool:
        tried = rung("a", Answers(late))
        request = replace(request_of(deadline_ms=given.pop("deadline_ms", 0)), **given)
        for _ in range(2):
            Ladder((tried, rung("plain", Answers(), patient=True))).descend(request)
        return not tried.breaker.allows()

    now = perf_counter()
    none_left = {"arrived_at": now + 60.0, "give_up_at": now + 60.0}  # whatever it takes is more than its share
    assert charged(**none_left)
    assert not charged(**none_left, deadline_ms=1)  # one caller's haste says nothing of the rung
    assert not charged(arrived_at=now - 5.0, give_up_at=now + 60.0)  # it was late because the request had waited


def test_an_attempt_asks_only_quick_rungs_or_those_below_one() -> None:
    def ladder() -> Ladder:
        return Ladder((rung("a", Answers()), rung("b", Answers()), rung("c", Answers(), patient=True)))

    assert ladder().descend(request_of(), Attempt(quick=True)).served_by == "c"
    assert ladder().descend(request_of(), Attempt(below="a")).served_by == "b"


def test_of_an_attempt_that_was_given_up_no_rung_is_asked() -> None:
    asked = Answers()
    with pytest.raises(GivenUp):
        Ladder((rung("a", asked),)).descend(request_of(), Attempt(given_up=True))
    assert asked.asked == []


def test_the_last_rung_is_tried_whatever_it_has_failed_at() -> None:
    last = Answers(StageFailed("rows", "broken"))
    ladder = Ladder((rung("a", Answers(StageFailed("x", "broken"))), rung("z", last, patient=True)))
    for _ in range(5):
        ladder.descend(request_of())
    last.failure = None
    answer = ladder.descend(request_of())
    assert (answer.served_by, answer.composition.considered) == ("z", 7)


def test_an_attempt_knows_a_quick_rung_as_one_that_is_not_to_blame() -> None:
    attempt = Attempt(quick=True)
    Ladder((rung("a", Answers()), rung("c", Answers(), patient=True))).descend(request_of(), attempt)
    assert (attempt.rung, attempt.breaker) == ("c", None)
