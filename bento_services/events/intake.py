"""Accepts events: normalize, make durable, answer with a receipt. HTTP and gRPC both end here.

A request is accepted as a whole or not at all. A repeated request with the same idempotency key gets the same answer,
and events without an id get ids derived from the key: when resent, even after a crash between log and answer, they are
the same events, which the event processor counts once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import orjson
import structlog
from msgspec import Struct

from bento_services import metrics
from bento_services.admission.callers import Caller
from bento_services.admission.limits import MAX_EVENTS
from bento_services.admission.problem import Problem, events_down, malformed, unprocessable
from bento_services.events.visibility import VisibilityProbe
from feature_repo.core.home import World
from feature_repo.events import Event, EventError, encode_event, normalize
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import StoreDown
from feature_repo.store.idempotency import Answers, body_id
from feature_repo.store.receipts import Receipts
from feature_repo.stream.log.protocol import EventLog, EventLogDown

MAX_KEY_LENGTH = 200

report = structlog.get_logger("events")


class Receipt(Struct, frozen=True):
    accepted: int
    receipt: str  # position of the last event in the log; "" if none was kept: of viewers who want no personal pages
    event_ids: list[str]  # in the order in which they were sent


class EventIntake:
    def __init__(
        self,
        log: EventLog,
        answers: Answers,
        receipts: Receipts,
        world: World,
        hear: Callable[[Sequence[Event]], None] = lambda events: None,
        refuses: Callable[[str], bool] = lambda viewer_id: False,
    ) -> None:
        """`hear` is called with the accepted events. Those of viewers who want no personal pages, as `refuses` tells,
        are accepted and dropped: nothing of them is kept."""
        self._log = log
        self._answers = answers
        self._world = world
        self._hear = hear
        self._refuses = refuses
        self._probe = VisibilityProbe(receipts)

    def accept(self, sent: Any, *, caller: Caller, user_id: str = "", key: str = "") -> Receipt:
        """Accept one event, a list of them, or {"events": [...]}. Durable when this returns. Blocking.

        `user_id` is used for events that name no user. Raises Problem: 400 and 422 for invalid input, 409 for a key
        or an event id of the viewer's that was used with another body, 403 for a viewer for whom the caller may not
        act, 503 when the log does not answer.
        """
        objects = _objects(sent)
        user_id = caller.acts_for(user_id)
        if not key:
            events = self._normalized(objects, user_id, "", caller)
            self._claim(objects, events)
            return self._append(events)
        if len(key) > MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
            raise malformed(f"Idempotency-Key: expected at most {MAX_KEY_LENGTH} printable characters of ASCII")
        key = hashlib.sha256(orjson.dumps([caller.name, caller.viewer_id, key])).hexdigest()
        fingerprint = hashlib.sha256(json.dumps([user_id, sent], sort_keys=True).encode()).hexdigest()
        events = self._normalized(objects, user_id, key, caller)
        if all(self._refuses(event.user_id) for event in events):
            return self._append(events)
        try:
            earlier = self._answers.begin(key, fingerprint)
            if earlier is not None and earlier.fingerprint != fingerprint:
                raise Problem(409, "idempotency_conflict", "this Idempotency-Key was used with another body")
            if earlier is not None and earlier.answer is not None:
                return msgspec.json.decode(earlier.answer, type=Receipt)
        except StoreDown as error:
            metrics.EVENTS_REFUSED.labels("log_down").inc(len(events))
            raise events_down(asked=False) from error
        self._claim(objects, events)
        receipt = self._append(events)
        # Without a stored answer, a repeated request appends its events again, which then count once.
        with suppress(StoreDown):
            self._answers.finish(key, fingerprint, msgspec.json.encode(receipt))
        return receipt

    def close(self) -> None:
        self._probe.close()

    def _normalized(self, objects: Sequence[Any], user_id: str, key: str, caller: Caller) -> list[Event]:
        clock = self._world.clock()
        events: list[Event] = []
        wrong: list[dict[str, Any]] = []
        for index, fields in enumerate(objects):
            try:
                if not isinstance(fields, dict):
                    raise EventError("event", f"expected a JSON object, found {type(fields).__name__}")
                given: dict[str, Any] = {"user_id": user_id} if user_id else {}
                if key:
                    given["event_id"] = hashlib.sha256(f"{key}:{index}".encode()).hexdigest()[:32]
                events.append(normalize({**given, **fields}, clock=clock))
            except EventError as error:
                wrong.append({"index": index, "field": error.field, "message": str(error)})
        if wrong:
            metrics.EVENTS_REFUSED.labels("invalid").inc(len(wrong))
            raise unprocessable(
                f"{len(wrong)} of {len(objects)} events cannot be taken, so none was: {wrong[0]['message']}",
                events=wrong[:20],
            )
        for event in events:
            caller.acts_for(event.user_id)
        return events

    def _claim(self, objects: Sequence[Any], events: Sequence[Event]) -> None:
        """Raises Problem for an event id that its viewer has used for another event: it would never count."""
        bodies: dict[str, str] = {}
        index_of: dict[str, int] = {}
        for index, (fields, event) in enumerate(zip(objects, events, strict=True)):
            if "event_id" not in fields or self._refuses(event.user_id):
                continue  # generated, derived from the request's key, or not kept
            key, body = _body(event, timed="timestamp" in fields or "timestamp_us" in fields)
            if bodies.setdefault(key, body) != body:
                raise _used(index, event)
            index_of[key] = index
        try:
            other = self._answers.claim(bodies) if bodies else set()
        except StoreDown as error:  # each event still counts once; only the check for reused ids is lost
            report.warning("ids of events are not compared with earlier ones", error=str(error))
            return
        if other:
            index = min(index_of[key] for key in other)
            raise _used(index, events[index])

    def _append(self, events: Sequence[Event]) -> Receipt:
        event_ids = [event.event_id for event in events]
        events = [event for event in events if not self._refuses(event.user_id)]
        if not events:
            return Receipt(len(event_ids), "", event_ids)
        try:
            places = self._log.append(WATCH_EVENTS, [(event.user_id, encode_event(event)) for event in events])
        except EventLogDown as error:
            metrics.EVENTS_REFUSED.labels("log_down").inc(len(events))
            report.warning("event log is down", error=str(error))
            raise events_down(asked=True) from error
        self._hear(events)
        for event in events:
            metrics.EVENTS.labels(event.event).inc()
        self._probe.watch(events[-1].user_id, events[-1].event_id)
        return Receipt(len(event_ids), places[-1], event_ids)


def _body(event: Event, *, timed: bool) -> tuple[str, str]:
    """An event's identity and a digest of its content, without the time if the server set it."""
    content = event if timed else msgspec.structs.replace(event, timestamp_us=0)
    return body_id(event.identity), hashlib.sha256(encode_event(content)).hexdigest()[:16]


def _used(index: int, event: Event) -> Problem:
    metrics.EVENTS_REFUSED.labels("id_used").inc()
    message = f"event_id: expected an id that this viewer has not used for another event, found {event.event_id!r}"
    return Problem(409, "event_id_conflict", message, {"index": index, "field": "event_id"})


def _objects(sent: Any) -> Sequence[Any]:
    objects = sent
    if isinstance(sent, Mapping):
        objects = sent.get("events", [sent])
    if not isinstance(objects, list):
        raise malformed("expected one event, a list of events, or an object with a list named events")
    if not objects:
        raise unprocessable("expected at least one event")
    if len(objects) > MAX_EVENTS:
        raise Problem(413, "too_large", f"at most {MAX_EVENTS} events in one request", {"limit_events": MAX_EVENTS})
    return objects
