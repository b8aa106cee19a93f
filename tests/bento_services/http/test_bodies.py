"""Bodies are read strictly, and no body makes the service fail."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.by_hand import Made
from worlds.http_api import EVENTS, FEEDBACK, WATCH, client_of, error_of

from bento_services.admission import limits
from bento_services.http.edge import Edge


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b'{"event": NaN}', 400, "malformed"),
        (b'"watch"', 400, "malformed"),
        (b"[" * 100 + b"]" * 100, 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b"[]", 422, "unprocessable"),
        (b"{}", 422, "unprocessable"),
        (json.dumps([WATCH] * 501).encode(), 413, "too_large"),
        (b" " * (limits.Limits().max_events_body_bytes + 1), 413, "too_large"),
    ],
)
async def test_a_body_that_is_no_events_is_refused(
    http: httpx.AsyncClient, made: Made, content: bytes, status: int, code: str
) -> None:
    reply = await http.post(EVENTS, content=content, headers={"content-type": "application/json"})
    error_of(reply, status, code)
    assert made.log.records == []


async def test_a_form_of_another_site_cannot_send_events(http: httpx.AsyncClient, made: Made) -> None:
    reply = await http.post(EVENTS, content=json.dumps(WATCH), headers={"content-type": "text/plain"})
    error_of(reply, 415, "not_json")
    assert made.log.records == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("events", "event", "item_id", "user_id", "timestamp")), inner, max_size=4
            )
        ),
        max_leaves=8,
    )
)
def test_no_json_at_all_makes_the_service_fail(edge: Edge, sent: Any) -> None:
    async def ask() -> None:
        async with client_of(edge) as client:
            for path in (EVENTS, FEEDBACK):
                headers = {"content-type": "application/json", "X-User-Id": "u1"}
                reply = await client.post(path, content=json.dumps(sent), headers=headers)
                assert reply.status_code in (200, 202, 400, 404, 413, 422), reply.text

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "deflate"}, 415),
        ({"content-encoding": "identity"}, 202),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-type": "application/json; charset=utf-16"}, 415),
        ({"content-type": 'application/json; charset="UTF-8"'}, 202),
        ({"content-type": "application/json; profile=ours"}, 202),
    ],
)
async def test_a_body_that_says_it_is_written_otherwise_is_not_read_as_if_it_were_not(
    http: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    sent = {"content-type": "application/json", **headers}
    reply = await http.post(EVENTS, content=json.dumps(WATCH).encode(), headers=sent)
    assert reply.status_code == status
    if status == 415:
        error_of(reply, 415, "compressed" if "content-encoding" in headers else "not_json")
