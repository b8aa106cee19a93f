"""Whatever comes in, the decoders of events, JSON, contexts, cursors and limits answer or refuse, and do nothing else.

Inputs are made of what is nearly right, because what is plainly wrong is refused at the first look.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from worlds.by_hand import WORLD, MemoryLog

from bento_services.admission.callers import ANYBODY_HERE
from bento_services.admission.context import read_context
from bento_services.admission.limits import identifier, read_json
from bento_services.admission.problem import Problem
from bento_services.errors import QueryError
from bento_services.events.intake import EventIntake, Receipt
from bento_services.feed import cursor as cursors
from feature_repo.column_limits import check_column
from feature_repo.core.strict_json import JsonError, parse
from feature_repo.events import EventError, check_event, decode_event, encode_event, normalize
from feature_repo.limits import LIMITS, Clock, LimitError, check
from feature_repo.schema import EVENT_ALIASES, EVENT_COLUMNS, EVENTS
from feature_repo.store.idempotency import MemoryAnswers
from feature_repo.store.receipts import MemoryReceipts
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.log.protocol import Record

NOW_US = 1_760_000_000_000_000
CLOCK = Clock(NOW_US, NOW_US - 90 * 86_400_000_000)

HARD_NUMBERS = (0, -1, -0.0, 2**31, 2**53, 2**63, 2**64, 10**400, 1e13, 1e306, 5e-324, NOW_US, NOW_US * 1000)
HARD_TEXTS = ("", " ", "a b", " v1", "v1 ", "\ud800", "\x00", "e\u0301", "\u200b", "\u202e", "x" * 200, "²", "007")
numbers = st.integers() | st.floats() | st.sampled_from([*HARD_NUMBERS, float("nan"), float("inf"), -float("inf")])
texts = st.text(max_size=20) | st.sampled_from(HARD_TEXTS)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from([*EVENT_COLUMNS, *EVENT_ALIASES, "timestamp", "events"]) | texts
sound = st.fixed_dictionaries(
    {"user_id": st.just("u1"), "item_id": st.just("v1"), "event": st.sampled_from(EVENTS)},
    optional={"timestamp": st.integers(NOW_US // 10**6 - 10, NOW_US // 10**6), "duration_sec": st.floats(0, 100)},
)
moments = st.datetimes().map(str) | st.dates().map(str) | numbers
objects = st.builds(
    lambda base, other: {**base, **other},
    sound | st.just({}),
    st.dictionaries(names, values, max_size=4)
    | st.fixed_dictionaries({"timestamp": moments})
    | st.fixed_dictionaries({"timestamp_us": moments}),
)
bodies = st.binary(max_size=200) | (objects | values).map(lambda one: json.dumps(one).encode())
damaged = st.builds(  # JSON that was cut, doubled or nested
    lambda body, start, end, times, around: around * times + body[start:end] * times,
    bodies,
    st.integers(0, 10),
    st.integers(0, 200),
    st.sampled_from([0, 1, 2, 100, 5_000]),
    st.sampled_from([b"", b"[", b'{"a":', b"9", b'{"user_id":"u",']),
)


def outcome(decode: Callable[[], Any], refusal: type[Exception]) -> tuple[Any, Any]:
    """What it answers and None, or None and its refusal; any other exception is a fault."""
    try:
        return decode(), None
    except refusal as error:
        return None, error


@given(objects)
def test_an_object_is_an_event_within_the_limits_or_an_error_of_a_field(fields: dict[str, Any]) -> None:
    event, error = outcome(lambda: normalize(fields, clock=CLOCK), EventError)
    if error is not None:
        assert str(error).isprintable()
        return
    check_event(event, CLOCK)
    assert decode_event(encode_event(event)) == event


@given(bodies | damaged)
def test_a_record_of_the_log_is_an_event_or_an_error(value: bytes) -> None:
    event, error = outcome(lambda: decode_record(Record("1-0", "u1", value), clock=CLOCK), EventError)
    if error is not None:
        assert str(error).isprintable()
        return
    check_event(event, CLOCK)


@given(bodies | damaged)
def test_json_is_read_or_refused(body: bytes) -> None:
    value, error = outcome(lambda: parse(body), JsonError)
    if error is not None:
        assert str(error).startswith("the body: expected ")
        return
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # no half of a pair, no infinity


@given(st.lists(objects | values, max_size=3) | objects | values, texts, texts)
def test_what_is_posted_is_taken_whole_or_is_a_problem(sent: Any, user_id: str, key: str) -> None:
    log = MemoryLog()
    intake = EventIntake(log, MemoryAnswers(), MemoryReceipts(), WORLD)  # type: ignore[arg-type]

    def accept() -> Receipt:
        viewer = identifier(user_id, "X-User-Id")
        return intake.accept(read_json(json.dumps(sent).encode()), caller=ANYBODY_HERE, user_id=viewer, key=key)

    receipt, problem = outcome(accept, Problem)
    intake.close()
    assert (receipt.accepted if receipt else 0) == len(log.records)
    if problem is not None:
        assert 400 <= problem.status < 500
        problem.body("q")


@given(texts | bodies.map(lambda body: body.decode("latin-1")))
def test_a_context_is_read_or_is_a_problem(header: str) -> None:
    _, problem = outcome(lambda: read_context(_encodable(header), NOW_US), Problem)
    assert problem is None or problem.status in (400, 422)


@given(texts | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()), st.text(max_size=5))
def test_a_cursor_is_one_of_ours_or_refused(text: str, viewer_id: str) -> None:
    _, error = outcome(lambda: cursors.decode(text, _encodable(viewer_id)), QueryError)
    assert error is None or error.field == "cursor"


@given(st.binary(max_size=40), st.integers(0, 65_535))
def test_a_cursor_with_a_sound_digest_leads_to_a_page_that_can_be(body: bytes, page: int) -> None:
    head = bytes([cursors.VERSION]) + page.to_bytes(2, "big")
    text = base64.urlsafe_b64encode(head + cursors._digest(head + body, "u1") + body).decode().rstrip("=")
    found, error = outcome(lambda: cursors.decode(text, "u1"), QueryError)
    assert error is not None or 0 < found.page <= cursors.MAX_PAGE


@given(st.sampled_from([(table, field) for table in LIMITS for field in LIMITS[table]]), values)
def test_a_value_is_within_its_limit_or_refused(place: tuple[str, str], value: Any) -> None:
    kept, error = outcome(lambda: check(*place, value, CLOCK), LimitError)
    if error is not None:
        assert str(error).isprintable()
        return
    assert check(*place, kept, CLOCK) == kept


columns = (
    st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=10), max_size=4).map(
        lambda some: pa.array(some, pa.string())
    )
    | st.lists(st.none() | st.floats(), max_size=4).map(lambda some: pa.array(some, pa.float64()))
    | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4).map(lambda some: pa.array(some, pa.int64()))
    | st.lists(st.none() | st.booleans(), max_size=4).map(lambda some: pa.array(some, pa.bool_()))
    | st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3), max_size=3).map(
        lambda some: pa.array(some, pa.list_(pa.string()))
    )
)


@given(st.sampled_from([(table, field) for table in LIMITS for field in LIMITS[table]]), columns)
def test_a_column_of_any_type_has_its_bad_rows_marked(place: tuple[str, str], column: pa.Array) -> None:
    found = check_column(*place, column, CLOCK)
    assert len(found.values) == len(found.bad) == len(found.repaired) == len(column)
    good = found.values.filter(pa.array(~found.bad))
    again = check_column(*place, good, CLOCK)
    assert not again.bad.any()
    assert again.values.equals(good)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
