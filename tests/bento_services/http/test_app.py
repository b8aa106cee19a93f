"""The HTTP API over pages made by hand: shapes, limits, errors, keys, idempotency."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.by_hand import Made

from bento_services import metrics
from bento_services.admission import limits
from bento_services.admission.admit import Admission
from bento_services.admission.keys import Keys, create_key
from bento_services.http.app import create_app
from bento_services.http.edge import Edge
from feature_repo.core.home import Home

HOME = "/api/v1/recommendations/home"
EVENTS = "/api/v1/events"
FEEDBACK = "/api/v1/recommendations/feedback"
WATCH = {"user_id": "u1", "item_id": "v1", "event": "watch", "duration_sec": 50}


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()


@pytest.fixture
def edge(made: Made) -> Edge:
    return create_app(lambda: made.engine)


@pytest.fixture
async def http(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(edge) as client:
        yield client


def client_of(edge: Edge, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=edge, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", **options)


def error_of(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"error"}
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"code", "message", "request_id", "details"}
    assert error["code"] == code
    assert error["request_id"] == reply.headers["x-request-id"]
    assert "Traceback" not in reply.text
    return error


# --- pages -----------------------------------------------------------------------------------------------------------


async def test_a_home_page_has_the_documented_fields(http: httpx.AsyncClient) -> None:
    reply = await http.get(HOME, headers={"X-User-Id": "u1"})
    page = reply.json()
    assert reply.status_code == 200
    assert page["request_id"] == reply.headers["x-request-id"]
    assert [row["row_id"] for row in page["rows"]] == ["top_picks", "trending"]
    assert page["recommendations"] == page["rows"][0]["items"]
    assert page["recommendations"][0] == {
        "video_id": "v1",
        "title": "Video “1”",
        "channel": "Lumen",
        "thumbnail": "",
        "duration": 100.0,
        "view_count": 10,
        "published_at": "2025-06-02",
        "score": 1.0,
        "reason": "Because you like Drama",
        "source": "two_tower",
        "sources": ["two_tower", "trending"],
        "position": 0,
        "row_id": "top_picks",
        "propensity": 0.9,
        "genres": ["Drama"],
        "trace": None,
    }
    assert (page["cursor"], page["served_by"], page["release_id"]) == ("more", "full_funnel", "r-0123456789ab")
    assert page["stage_ms"] == {"sources": 1.5, "score": 2.25}


async def test_everything_a_caller_says_reaches_the_feed(http: httpx.AsyncClient, made: Made) -> None:
    context = {"device": "tv", "time_zone": "Asia/Kolkata", "country": "de", "last_watched_item_id": "v2", "mood": 1}
    await http.get(
        HOME,
        params={"limit": 2, "cursor": "c", "explain": "true"},
        headers={"X-User-Id": "u1", "X-Session-Id": "s", "X-Context": json.dumps(context), "X-Request-Id": "mine-1"},
    )
    (query,) = made.feed.queries
    assert (query.user_id, query.session_id, query.limit, query.cursor, query.explain) == ("u1", "s", 2, "c", True)
    assert (query.device, query.utc_offset_minutes, query.country) == ("tv", 330, "DE")
    assert (query.last_watched_item_id, query.request_id, query.rows, query.log) == ("v2", "mine-1", True, True)


async def test_the_short_shape_is_the_same_engine_without_rows(http: httpx.AsyncClient, made: Made) -> None:
    reply = await http.get("/api/v1/recommendations", params={"surface": "home", "count": 2})
    assert reply.status_code == 200
    assert [entry["item_id"] for entry in reply.json()["items"]] == ["v1", "v2"]
    assert reply.json()["cursor"] == "more"
    assert (made.feed.queries[0].rows, made.feed.queries[0].limit) == (False, 2)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"params": {"limit": "ten"}}, 400, "malformed"),
        ({"params": {"limit": 0}}, 422, "unprocessable"),
        ({"params": {"limit": 101}}, 422, "unprocessable"),
        ({"params": {"cursor": "not-a-cursor"}}, 400, "malformed"),
        ({"params": {"cursor": "c" * (limits.MAX_CURSOR_LENGTH + 1)}}, 422, "unprocessable"),
        ({"headers": {"X-User-Id": "u" * 129}}, 422, "unprocessable"),
        ({"headers": {"X-Context": "{"}}, 400, "malformed"),
        ({"headers": {"X-Context": "[]"}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"device": 3}'}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"time_zone": "Mars/Olympus"}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"time_zone": "../../etc/passwd"}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"country": "Germany"}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"utc_offset_minutes": NaN}'}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"utc_offset_minutes": 9999}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"a": ' + "[" * 40 + "]" * 40 + "}"}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"a": "' + "x" * 5000 + '"}'}}, 400, "malformed"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    http: httpx.AsyncClient, request_: dict[str, Any], status: int, code: str
) -> None:
    error_of(await http.get(HOME, **request_), status, code)


async def test_unknown_addresses_methods_and_surfaces_have_the_one_shape(http: httpx.AsyncClient) -> None:
    error_of(await http.get("/api/v1/nothing"), 404, "not_found")
    error_of(await http.get("/static/../auth.py"), 404, "not_found")
    error_of(await http.get("/static/secret.js"), 404, "not_found")
    reply = await http.delete(HOME)
    error_of(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "GET"
    error_of(await http.get("/api/v1/recommendations", params={"surface": "attic"}), 422, "unprocessable")


async def test_a_failure_inside_says_nothing_of_the_inside(http: httpx.AsyncClient, made: Made) -> None:
    made.feed.failure = RuntimeError("the password is hunter2")
    reply = await http.get(HOME)
    error_of(reply, 500, "internal")
    assert "hunter2" not in reply.text


async def test_beyond_what_can_wait_a_page_is_refused_at_once(http: httpx.AsyncClient, made: Made) -> None:
    made.engine._in_flight = limits.Limits().max_in_flight_pages
    reply = await http.get(HOME)
    error_of(reply, 503, "overloaded")
    assert reply.headers["retry-after"] == "1"
    assert (await http.get("/livez")).status_code == 200


# --- events ----------------------------------------------------------------------------------------------------------


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
    made.receipts.folded[event_id] = 1
    assert (await http.get(f"{EVENTS}/{event_id}")).json()["visible"] is True
    made.receipts.down = True
    error_of(await http.get(f"{EVENTS}/{event_id}"), 503, "unavailable")


async def test_feedback_is_an_event(http: httpx.AsyncClient, made: Made) -> None:
    body = {"video_id": "v2", "action": "not_interested", "reason": "seen it elsewhere"}
    reply = await http.post(FEEDBACK, json=body, headers={"X-User-Id": "u1"})
    (event,) = made.log.events
    assert reply.status_code == 200
    assert reply.json() == {"status": "accepted", "event_id": event.event_id, "receipt": "0-0"}
    assert (event.user_id, event.video_id, event.event) == ("u1", "v2", "not_interested")


@pytest.mark.parametrize(
    ("body", "user", "status", "code"),
    [
        ({"video_id": "v2", "action": "like"}, "", 400, "malformed"),
        ({"action": "like"}, "u1", 400, "malformed"),
        ({"video_id": "v2", "action": "adore"}, "u1", 422, "unprocessable"),
        ({"video_id": "v99", "action": "like"}, "u1", 404, "unknown_video"),
        ([], "u1", 400, "malformed"),
        ({"video_id": "v2", "action": "like", "reason": "x" * 70_000}, "u1", 413, "too_large"),
    ],
)
async def test_feedback_that_cannot_be_is_refused(
    http: httpx.AsyncClient, body: Any, user: str, status: int, code: str
) -> None:
    error_of(await http.post(FEEDBACK, json=body, headers={"X-User-Id": user}), status, code)


async def test_a_body_that_trickles_in_is_cut_off(edge: Edge) -> None:
    edge.admission = Admission(limits=limits.Limits(receive_seconds=0.05))
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    await edge({"type": "http", "method": "POST", "path": EVENTS, "headers": headers}, receive, send)
    assert answers[0]["status"] == 408
    assert json.loads(answers[1]["body"])["error"]["code"] == "too_slow"


# --- viewers, operations, the page -----------------------------------------------------------------------------------


async def test_viewers_can_be_chosen_and_looked_at(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/viewers")).json() == {"viewers": ["u1", "u2"], "example_user": "u1"}
    known = (await http.get("/api/v1/viewers/u1")).json()
    assert known["history"] == [{"video_id": "v6", "title": "Video “6”", "watch_fraction": 0.5}]
    assert known["genres"] == [{"name": "Drama", "weight": 2.0}]
    assert (await http.get("/api/v1/viewers/nobody")).json()["known"] is False


async def test_the_metrics_count_routes_rungs_and_events_and_never_an_address(http: httpx.AsyncClient) -> None:
    await http.get(HOME)
    await http.post(EVENTS, json=WATCH)
    await http.get("/api/v1/there/is/nothing/attic-7391")
    shown = (await http.get("/metrics")).text
    assert 'marquee_requests_total{protocol="http",route="/api/v1/recommendations/home",status="200"}' in shown
    assert 'marquee_pages_total{served_by="full_funnel"}' in shown
    assert 'marquee_stage_seconds_count{stage="score"}' in shown
    assert 'marquee_events_accepted_total{event="watch"}' in shown
    assert "attic-7391" not in shown


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
    made.receipts.folded[event_id] = 1
    async with asyncio.timeout(5):
        while count() == before:
            await asyncio.sleep(0.01)


async def test_the_page_needs_nothing_from_anywhere_else(http: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", "/static/app.js", "/static/app.css", "/static/docs.js"):
        reply = await http.get(path)
        assert reply.status_code == 200
        assert "https://" not in reply.text
        assert "http://" not in reply.text.replace("http://www.w3.org/2000/svg", "").replace("http%3A", "").replace(
            "'http://www.w3.org", ""
        )
    assert "script-src 'self'" in (await http.get("/")).headers["content-security-policy"]


# --- keys ------------------------------------------------------------------------------------------------------------


async def test_keys_open_what_their_scopes_say(edge: Edge, tmp_path: Path) -> None:
    home = Home(tmp_path)
    serve = create_key(home, "web", ["serve"])
    events = create_key(home, "players", ["events"])
    admin = create_key(home, "me", ["admin"])
    edge.admission = Admission(Keys.of(home))

    async def status(path: str, key: str = "", **options: Any) -> int:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with client_of(edge, headers=headers) as client:
            call = client.post if "json" in options else client.get
            reply = await call(path, **options)
            if reply.status_code in (401, 403):
                error_of(reply, reply.status_code, "not_authenticated" if reply.status_code == 401 else "not_allowed")
            return reply.status_code

    assert await status(HOME) == 401
    assert await status(HOME, "mq_wrong") == 401
    assert await status(HOME, serve) == 200
    assert await status(HOME, events) == 403
    assert await status(EVENTS, serve, json=WATCH) == 403
    assert await status(EVENTS, events, json=WATCH) == 202
    assert await status("/api/v1/viewers", serve) == 403
    assert await status("/metrics") == 401
    assert [await status(path, admin) for path in (HOME, "/api/v1/viewers", "/metrics")] == [200, 200, 200]
    assert [await status(path) for path in ("/", "/static/app.js", "/openapi.json")] == [200, 200, 200]


async def test_a_key_is_stored_as_a_hash_and_replaced_under_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = create_key(home, "web", ["serve"])
    new = create_key(home, "web", ["serve"])
    stored = (tmp_path / "keys.json").read_text()
    assert old not in stored
    assert new not in stored
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert len(Keys.of(home)) == 1


async def test_without_keys_a_request_under_a_foreign_name_is_refused(edge: Edge) -> None:
    async with client_of(edge) as client:
        error_of(await client.get(HOME, headers={"host": "rebound.example"}), 403, "wrong_host")
        for host in ("localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"):
            assert (await client.get(HOME, headers={"host": host})).status_code == 200
        edge.admission = Admission(loopback_only=False)
        assert (await client.get(HOME, headers={"host": "marquee.example"})).status_code == 200


# --- the document ----------------------------------------------------------------------------------------------------


async def test_what_is_answered_is_what_the_document_says(http: httpx.AsyncClient, made: Made) -> None:
    document = (await http.get("/openapi.json")).json()
    calls = [
        ("get", HOME, HOME, {"params": {"explain": "true"}}),
        ("get", HOME, HOME, {"params": {"limit": 0}}),
        ("get", "/api/v1/recommendations", "/api/v1/recommendations", {}),
        ("post", EVENTS, EVENTS, {"json": [WATCH]}),
        ("post", EVENTS, EVENTS, {"json": []}),
        ("get", EVENTS + "/{event_id}", EVENTS + "/e1", {}),
        ("post", FEEDBACK, FEEDBACK, {"json": {"video_id": "v1", "action": "like"}, "headers": {"X-User-Id": "u"}}),
        ("post", FEEDBACK, FEEDBACK, {"json": {"video_id": "v99", "action": "like"}, "headers": {"X-User-Id": "u"}}),
        ("get", "/api/v1/viewers", "/api/v1/viewers", {}),
        ("get", "/api/v1/viewers/{user_id}", "/api/v1/viewers/u1", {}),
        ("get", "/api/v1/status", "/api/v1/status", {}),
    ]
    for method, template, path, options in calls:
        reply = await http.request(method, path, **options)
        described = document["paths"][template][method]["responses"][str(reply.status_code)]
        fits(reply.json(), described["content"]["application/json"]["schema"], document, f"{method} {path}")
    listed = {(path, method) for path, methods in document["paths"].items() for method in methods}
    probes = {("/livez", "get"), ("/healthz", "get"), ("/readyz", "get")}
    assert listed - probes == {(template, method) for method, template, _, _ in calls}


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


def fits(value: Any, schema: dict[str, Any], document: dict[str, Any], where: str) -> None:
    """Hold a value to a schema of the document: enough of JSON Schema for what FastAPI writes, and no extra fields."""
    if "$ref" in schema:
        fits(value, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, where)
        return
    if "anyOf" in schema:
        kinds = {"null": type(None), "object": dict, "string": str, "number": (int, float), "integer": int}
        chosen = [one for one in schema["anyOf"] if "$ref" in one or isinstance(value, kinds[one["type"]])]  # type: ignore[arg-type]
        assert chosen, f"{where}: {value!r} is none of {schema['anyOf']}"
        fits(value, chosen[0], document, where)
        return
    if "const" in schema:
        assert value == schema["const"], where
        return
    expected = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    if schema.get("type") in expected:
        assert isinstance(value, expected[schema["type"]]), f"{where}: {value!r} is no {schema['type']}"  # type: ignore[arg-type]
    if schema.get("type") == "array":
        for number, one in enumerate(value):
            fits(one, schema["items"], document, f"{where}[{number}]")
    if "properties" in schema:
        assert set(value) == set(schema["properties"]), where
        for name, one in value.items():
            fits(one, schema["properties"][name], document, f"{where}.{name}")
