"""Events over HTTP: accepted when they are in the log, all or none, once per key."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import EVENTS, WATCH, error_of

from bento_services import metrics


@pytest.mark.parametrize("sent", [WATCH, [WATCH], {"events": [WATCH]}])
async def test_an_event_is_in_the_log_when_it_is_accepted(http: httpx.AsyncClient, made: Made, sent: Any) -> None:
    reply = await http.post(EVENTS, json=sent)
    assert reply.status_code == 202
    (event,) = made.log.events
    assert reply.json() == {"accepted": 1, "receipt": "0-0", "event_ids": [event.event_id]}
    assert (event.user_id, event.video_id, event.event, event.watch_seconds) == ("u1", "v1", "watch", 50.0)
    assert made.log.records[0][:2] == ("watch-events", "u1")


async def test_the_header_names_the_viewer_where_an_event_does_not(http: httpx.AsyncClient, made: Made) -> None:
    sent = [{"item_id": "v1", "event": "click"}, {**WATCH, "user_id": "u2"}]
    assert (await http.post(EVENTS, json=sent, headers={"X-User-Id": "u9"})).status_code == 202
    assert [event.user_id for event in made.log.events] == ["u9", "u2"]


async def test_one_wrong_event_means_that_none_is_taken(http: httpx.AsyncClient, made: Made) -> None:
    wrong = [WATCH, {**WATCH, "event": "stare"}, {**WATCH, "duration_sec": -1}, 7]
    error = error_of(await http.post(EVENTS, json=wrong), 422, "unprocessable")
    assert [(one["index"], one["field"]) for one in error["details"]["events"]] == [
        (1, "event"),
        (2, "duration_sec"),
        (3, "event"),
    ]
    assert made.log.records == []


async def test_without_a_log_nothing_is_accepted_and_the_caller_knows_when_to_come_back(
    http: httpx.AsyncClient, made: Made
) -> None:
    made.log.down = True
    reply = await http.post(EVENTS, json=WATCH)
    error_of(reply, 503, "unavailable")
    assert int(reply.headers["retry-after"]) >= 1


async def test_the_same_key_and_body_is_the_same_event_once(http: httpx.AsyncClient, made: Made) -> None:
    first = await http.post(EVENTS, json=WATCH, headers={"Idempotency-Key": "k"})
    again = await http.post(EVENTS, json=WATCH, headers={"Idempotency-Key": "k"})
    assert first.json() == again.json()
    assert len(made.log.records) == 1
    other = await http.post(EVENTS, json={**WATCH, "item_id": "v2"}, headers={"Idempotency-Key": "k"})
    error_of(other, 409, "idempotency_conflict")
    assert len(made.log.records) == 1


async def test_a_request_cut_off_before_its_answer_sends_the_same_event_again(
    http: httpx.AsyncClient, made: Made
) -> None:
    sent = [WATCH, {**WATCH, "item_id": "v2"}]
    await http.post(EVENTS, json=sent, headers={"Idempotency-Key": "k"})
    for key, answered in made.answers.answers.items():  # as a process leaves it that dies after the append
        made.answers.answers[key] = type(answered)(answered.fingerprint, None)
    await http.post(EVENTS, json=sent, headers={"Idempotency-Key": "k"})
    ids = [event.event_id for event in made.log.events]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


async def test_an_event_is_visible_once_it_is_folded(http: httpx.AsyncClient, made: Made) -> None:
    (event_id,) = (await http.post(EVENTS, json=WATCH)).json()["event_ids"]
    assert (await http.get(f"{EVENTS}/{event_id}")).json() == {"event_id": event_id, "visible": False}
    made.receipts.folded["u1", event_id] = 1
    assert (await http.get(f"{EVENTS}/{event_id}")).json()["visible"] is True
    made.receipts.down = True
    error_of(await http.get(f"{EVENTS}/{event_id}"), 503, "unavailable")


async def test_the_time_until_an_event_is_visible_is_measured(http: httpx.AsyncClient, made: Made) -> None:
    def count() -> float:
        return next(
            sample.value
            for family in metrics.VISIBLE_SECONDS.collect()
            for sample in family.samples
            if sample.name.endswith("_count")
        )

    before = count()
    (event_id,) = (await http.post(EVENTS, json=WATCH)).json()["event_ids"]
    made.receipts.folded["u1", event_id] = 1
    async with asyncio.timeout(5):
        while count() == before:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("event_id", ["a/b", "/", "café", "a b", "100%", "?"])
async def test_an_id_may_hold_what_an_address_divides_at(http: httpx.AsyncClient, made: Made, event_id: str) -> None:
    assert (await http.post(EVENTS, json={**WATCH, "event_id": event_id})).status_code == 202
    made.receipts.folded["u1", event_id] = 1
    asked = await http.get(f"{EVENTS}/{quote(event_id, safe='')}")
    assert asked.json() == {"event_id": event_id, "visible": True}


async def test_an_event_is_its_viewers(http: httpx.AsyncClient, made: Made) -> None:
    for user_id in ("u1", "u2"):
        sent = {**WATCH, "user_id": user_id, "event_id": "mine"}
        assert (await http.post(EVENTS, json=sent)).status_code == 202
    made.receipts.folded["u1", "mine"] = 1
    seen = [(await http.get(f"{EVENTS}/mine", headers={"X-User-Id": user})).json()["visible"] for user in ("u1", "u2")]
    assert seen == [True, False]


async def test_an_id_of_ones_own_used_for_another_event_is_a_conflict(http: httpx.AsyncClient, made: Made) -> None:
    sent = {**WATCH, "event_id": "mine"}
    assert [(await http.post(EVENTS, json=sent)).status_code for _ in range(2)] == [202, 202]
    error = error_of(await http.post(EVENTS, json=[WATCH, {**sent, "duration_sec": 7}]), 409, "event_id_conflict")
    assert error["details"] == {"index": 1, "field": "event_id"}
    assert len(made.log.records) == 2  # all or none


@pytest.mark.parametrize("number", [b"9" * 20, b"-9223372036854775809", b"9" * 400])
async def test_a_number_that_not_every_reader_can_hold_is_malformed(
    http: httpx.AsyncClient, made: Made, number: bytes
) -> None:
    body = b'{"user_id": "u1", "item_id": "v1", "event": "watch", "other": ' + number + b"}"
    headers = {"content-type": "application/json", "Idempotency-Key": "k"}
    error_of(await http.post(EVENTS, content=body, headers=headers), 400, "malformed")
    assert made.log.records == []
