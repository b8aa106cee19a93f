"""Events are taken whole or not at all, once per idempotency key, and are in the log when the receipt is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from worlds.by_hand import WORLD, MemoryLog

from bento_services.admission.callers import Caller
from bento_services.admission.limits import MAX_EVENTS
from bento_services.admission.problem import Problem
from bento_services.events.intake import MAX_KEY_LENGTH, EventIntake, Receipt
from feature_repo.store.idempotency import MemoryAnswers
from feature_repo.store.receipts import MemoryReceipts

WEB = Caller("web", frozenset({"events"}))
CLICK = {"user_id": "u1", "item_id": "v1", "event": "click"}
LIKE = {"user_id": "u2", "item_id": "v2", "event": "like"}


class Parts:
    def __init__(self) -> None:
        self.log = MemoryLog()
        self.answers = MemoryAnswers()
        self.intake = EventIntake(self.log, self.answers, MemoryReceipts(), WORLD)  # type: ignore[arg-type]

    def accept(self, sent: Any, caller: Caller = WEB, **said: Any) -> Receipt:
        return self.intake.accept(sent, caller=caller, **said)

    def now_seconds(self) -> float:
        return WORLD.now_us() / 1e6

    def refused(self, sent: Any, **said: Any) -> Problem:
        with pytest.raises(Problem) as refused:
            self.accept(sent, **said)
        return refused.value


@pytest.fixture
def parts() -> Iterator[Parts]:
    parts = Parts()
    yield parts
    parts.intake.close()


@pytest.mark.parametrize("sent", [[CLICK, LIKE], {"events": [CLICK, LIKE]}])
def test_a_receipt_names_the_events_in_the_order_in_which_they_were_sent(parts: Parts, sent: Any) -> None:
    receipt = parts.accept(sent)
    assert (receipt.accepted, receipt.receipt) == (2, "1-0")
    assert receipt.event_ids == [event.event_id for event in parts.log.events]
    assert [(event.user_id, event.event) for event in parts.log.events] == [("u1", "click"), ("u2", "like")]


def test_one_event_that_cannot_be_keeps_all_out(parts: Parts) -> None:
    problem = parts.refused([CLICK, {**LIKE, "event": "stare"}, 7])
    assert problem.status == 422
    assert [(one["index"], one["field"]) for one in problem.details["events"]] == [(1, "event"), (2, "event")]
    assert parts.log.records == []


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ("click", 400, "malformed"),
        (None, 400, "malformed"),
        ({"events": "click"}, 400, "malformed"),
        ([], 422, "unprocessable"),
        ([CLICK] * (MAX_EVENTS + 1), 413, "too_large"),
    ],
)
def test_what_is_no_list_of_events_is_refused(parts: Parts, sent: Any, status: int, code: str) -> None:
    problem = parts.refused(sent)
    assert (problem.status, problem.code) == (status, code)
    assert parts.log.records == []


def test_a_viewer_named_beside_the_events_stands_in_where_an_event_names_none(parts: Parts) -> None:
    parts.accept([{"item_id": "v1", "event": "click"}, LIKE], user_id="u9")
    assert [event.user_id for event in parts.log.events] == ["u9", "u2"]


def test_under_one_key_the_same_request_is_taken_once_and_another_is_a_conflict(parts: Parts) -> None:
    first = parts.accept(CLICK, key="k")
    assert parts.accept(CLICK, key="k") == first
    assert len(parts.log.records) == 1
    assert parts.refused(LIKE, key="k").code == "idempotency_conflict"
    assert parts.refused(CLICK, key="k", user_id="u9").code == "idempotency_conflict"
    assert len(parts.log.records) == 1


def test_a_key_of_another_caller_is_another_key(parts: Parts) -> None:
    first = parts.accept(CLICK, key="k")
    other = parts.accept(CLICK, key="k", caller=replace(WEB, name="players"))
    assert first.event_ids != other.event_ids
    assert len(parts.log.records) == 2


def test_a_request_that_was_cut_off_after_the_log_is_the_same_events_again(parts: Parts) -> None:
    first = parts.accept([CLICK, LIKE], key="k")
    ((key, answered),) = parts.answers.answers.items()
    parts.answers.answers[key] = type(answered)(answered.fingerprint, None)  # as a process leaves it that dies there
    assert parts.accept([CLICK, LIKE], key="k").event_ids == first.event_ids


def test_an_answer_that_an_older_revision_stored_is_read(parts: Parts) -> None:
    receipt = parts.accept(CLICK, key="k")
    ((key, answered),) = parts.answers.answers.items()
    stored = f'{{"accepted":1,"receipt":"0-0","event_ids":["{receipt.event_ids[0]}"]}}'.encode()
    assert answered.answer == stored
    parts.answers.answers[key] = type(answered)(answered.fingerprint, stored)
    assert parts.accept(CLICK, key="k") == receipt


@pytest.mark.parametrize("key", ["k" * (MAX_KEY_LENGTH + 1), "a\nb"])
def test_a_key_is_short_and_printable(parts: Parts, key: str) -> None:
    assert parts.refused(CLICK, key=key).status == 400


def test_without_the_log_or_the_store_of_keys_the_caller_is_told_to_send_again(parts: Parts) -> None:
    parts.log.down = True
    assert (parts.refused(CLICK).code, parts.refused(CLICK).details) == ("unavailable", {"taken": "unknown"})
    parts.log.down = False
    parts.answers.down = True
    assert (parts.refused(CLICK, key="k").code, parts.refused(CLICK, key="k").details) == (
        "unavailable",
        {"taken": "none"},
    )
    assert parts.accept(CLICK).accepted == 1


MINE = {**CLICK, "event_id": "mine", "surface": "home"}


def test_an_event_sent_again_under_its_id_is_taken_and_another_under_it_is_not(parts: Parts) -> None:
    parts.accept([MINE, MINE])
    parts.accept({**CLICK, "event_id": "mine", "surface": "home"})  # the time is ours: it may differ
    for other in ({**MINE, "item_id": "v2"}, {**MINE, "surface": ""}, {**MINE, "timestamp": parts.now_seconds()}):
        problem = parts.refused([LIKE, other])
        assert (problem.status, problem.code, problem.details["index"]) == (409, "event_id_conflict", 1)
    assert parts.accept({**MINE, "user_id": "u2", "item_id": "v2"}).accepted == 1  # of another viewer


def test_two_events_of_one_id_in_one_request_are_a_conflict_and_leave_the_id_free(parts: Parts) -> None:
    assert parts.refused([MINE, {**MINE, "item_id": "v2"}]).code == "event_id_conflict"
    assert parts.log.records == []
    assert parts.accept({**MINE, "item_id": "v2"}).accepted == 1


def test_a_conflict_leaves_the_other_ids_of_its_request_free(parts: Parts) -> None:
    parts.accept(MINE)
    new = {**LIKE, "event_id": "new"}
    parts.refused([new, {**MINE, "item_id": "v2"}])
    assert parts.accept({**new, "item_id": "v1"}).accepted == 1


def test_ids_are_taken_while_the_store_that_compares_them_is_away(parts: Parts) -> None:
    parts.answers.down = True
    assert parts.accept(MINE).event_ids == ["mine"]


def test_a_caller_who_acts_for_one_viewer_sends_nobody_elses_events(parts: Parts) -> None:
    first = replace(WEB, viewers="token", viewer_id="u1")
    assert parts.accept([CLICK, {"item_id": "v1", "event": "like"}], caller=first).accepted == 2
    assert [event.user_id for event in parts.log.events] == ["u1", "u1"]
    for sent, user_id in (([CLICK, LIKE], ""), (LIKE, ""), (CLICK, "u2")):
        assert parts.refused(sent, caller=first, user_id=user_id).code == "not_this_viewer"
    assert parts.refused(CLICK, caller=replace(WEB, viewers="none")).code == "not_this_viewer"
    assert len(parts.log.records) == 2


def test_an_idempotency_key_of_another_viewer_is_another_key(parts: Parts) -> None:
    for viewer in ("u1", "u2"):
        parts.accept(
            {"item_id": "v1", "event": "like"}, caller=replace(WEB, viewers="token", viewer_id=viewer), key="k"
        )
    assert [event.user_id for event in parts.log.events] == ["u1", "u2"]
