"""What every request goes through: keys, hosts, slow senders, one line in the log."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from structlog.testing import capture_logs
from worlds.by_hand import Made
from worlds.http_api import EVENTS, FEEDBACK, HOME, WATCH, client_of, error_of

from bento_services import metrics, request_log
from bento_services.admission import limits
from bento_services.admission.admit import Admission
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.http.edge import Edge
from bento_services.viewer_tokens import viewer_token
from feature_repo.core.home import Home


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


async def test_without_keys_a_request_under_a_foreign_name_is_refused(edge: Edge) -> None:
    async with client_of(edge) as client:
        error_of(await client.get(HOME, headers={"host": "rebound.example"}), 403, "wrong_host")
        for no_host in ("", "localhost:80@rebound.example", "[::1].rebound.example", "localhost, rebound.example"):
            error_of(await client.get(HOME, headers={"host": no_host}), 400, "malformed")
        two = [("host", "localhost"), ("host", "rebound.example")]
        error_of(await client.get(HOME, headers=two), 400, "malformed")
        for host in ("localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"):
            assert (await client.get(HOME, headers={"host": host})).status_code == 200
        edge.admission = Admission(loopback_only=False)
        assert (await client.get(HOME, headers={"host": "marquee.example"})).status_code == 200


async def test_a_key_without_the_scope_is_refused_before_its_body_is_read(edge: Edge, tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = create_key(home, "web", ["serve"])
    edge.admission = Admission(Keys.of(home))
    asked = []

    async def receive() -> dict[str, Any]:
        asked.append(1)
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        answers.append(message)

    answers: list[Any] = []
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {key}".encode())]
    await edge({"type": "http", "method": "POST", "path": EVENTS, "headers": headers}, receive, send)
    assert (answers[0]["status"], asked) == (403, [])


@pytest.mark.parametrize("viewer", ["u00042", "Zoë", "Zoe\u0308", "زائر", "👩🏽‍🚀"[:1], "50%", "a/b", "a b", "*?&=#"])
async def test_an_id_is_one_viewer_in_header_body_and_path(http: httpx.AsyncClient, made: Made, viewer: str) -> None:
    kept = unicodedata.normalize("NFC", viewer)
    for sent in (viewer.replace("%", "%25").encode(), quote(viewer).encode()):
        asks = {b"X-User-Id": sent}
        assert (await http.get(HOME, headers=asks)).status_code == 200
        assert (await http.post(FEEDBACK, json={"video_id": "v1", "action": "like"}, headers=asks)).status_code == 200
        assert (await http.post(EVENTS, json={"item_id": "v1", "event": "like"}, headers=asks)).status_code == 202
    assert (await http.post(EVENTS, json={**WATCH, "user_id": viewer})).status_code == 202
    looked_at = await http.get(f"/api/v1/viewers/{quote(viewer, safe='')}")
    asked = {query.user_id for query in made.feed.queries}
    assert asked | {event.user_id for event in made.log.events} | {looked_at.json()["user_id"]} == {kept}


async def test_an_id_that_is_no_text_is_refused_wherever_it_stands(http: httpx.AsyncClient) -> None:
    for header in ("X-User-Id", "X-Session-Id"):
        error_of(await http.get(HOME, headers={header.encode(): b"Zo\xeb"}), 400, "malformed")
        error_of(await http.get(HOME, headers={header: "u1%0A"}), 422, "unprocessable")
        error_of(await http.get(HOME, headers=[(header, "u1"), (header, "u2")]), 400, "malformed")
    error_of(await http.get("/api/v1/viewers/%FF"), 400, "malformed")
    error_of(await http.get("/api/v1/viewers/u1%00"), 422, "unprocessable")
    for path in ("/livez%0A", "/api/v1/status/", "/docs.json", "/schema.json"):
        error_of(await http.get(path), 404, "not_found")


async def test_work_that_takes_too_long_is_a_503_in_our_shape(
    http: httpx.AsyncClient, edge: Edge, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(event_id: str, user_id: str) -> bool:
        await asyncio.sleep(60)
        return True

    edge.admission = Admission(limits=limits.Limits(answer_seconds=0.05))
    monkeypatch.setattr(made.engine, "is_visible", never)
    reply = await http.get(EVENTS + "/e1")
    error_of(reply, 503, "timed_out")
    assert reply.headers["retry-after"] == "1"


async def test_who_leaves_in_the_middle_of_a_body_gets_no_answer_and_does_nothing(edge: Edge, made: Made) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    with capture_logs() as logs:
        await edge({"type": "http", "method": "POST", "path": EVENTS, "headers": headers}, receive, send)
    assert (sent, made.log.events, logs[-1]["status"]) == ([], [], 499)


async def test_a_viewer_token_asks_for_its_viewer_alone(edge: Edge, made: Made, tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = create_key(home, "app", ["serve", "events"], viewers="token")
    anonymous = create_key(home, "landing", ["serve", "events"], viewers="none")
    edge.admission = Admission(Keys.of(home))
    async with client_of(edge, headers={"authorization": f"Bearer {viewer_token(key, 'Zoë')}"}) as client:
        assert (await client.get(HOME)).status_code == 200
        assert (await client.get(HOME, headers={"X-User-Id": "Zo%C3%AB", "X-Session-Id": "s"})).status_code == 200
        error_of(await client.get(HOME, headers={"X-User-Id": "u1"}), 403, "not_this_viewer")
        error_of(await client.post(EVENTS, json=WATCH), 403, "not_this_viewer")
        assert (await client.post(FEEDBACK, json={"video_id": "v1", "action": "like"})).status_code == 200
        error_of(await client.get("/api/v1/viewers/u1"), 403, "not_allowed")
    async with client_of(edge, headers={"authorization": f"Bearer {anonymous}"}) as client:
        assert (await client.get(HOME)).status_code == 200
        for header in ("X-User-Id", "X-Session-Id"):
            error_of(await client.get(HOME, headers={header: "u1"}), 403, "not_this_viewer")
        error_of(await client.post(EVENTS, json=WATCH), 403, "not_this_viewer")
    assert [query.user_id for query in made.feed.queries] == ["Zoë", "Zoë", ""]
    assert [event.user_id for event in made.log.events] == ["Zoë"]


async def test_keys_that_cannot_be_read_close_everything_but_livez(edge: Edge) -> None:
    edge.admission = Admission(Keys(closed="keys.json of the home is gone"))
    async with client_of(edge, headers={"authorization": "Bearer mq_any"}) as client:
        assert (await client.get("/livez")).status_code == 200
        for path in ("/", HOME, "/api/v1/status", "/metrics", "/readyz", "/nothing"):
            assert "is gone" in error_of(await client.get(path), 503, "keys_unreadable")["message"]


async def test_every_request_leaves_one_line_that_names_nobody(http: httpx.AsyncClient, made: Made) -> None:
    asked = [
        ("GET", HOME, {"headers": {"X-User-Id": "viewer-7391", "X-Request-Id": "mine"}}, HOME, 200, "full_funnel"),
        ("GET", "/api/v1/viewers/viewer-7391", {}, "/api/v1/viewers/{user_id}", 200, None),
        ("POST", EVENTS, {"json": {**WATCH, "user_id": "viewer-7391"}}, EVENTS, 202, None),
        ("POST", EVENTS, {"json": [7391]}, EVENTS, 422, None),
        ("GET", "/api/v1/viewer-7391", {}, "other", 404, None),
        ("GET", HOME, {"params": {"limit": 0}}, HOME, 422, None),
        ("GET", HOME, {"headers": {"host": "viewer-7391.example"}}, "other", 403, None),
        ("GET", HOME, {"headers": {"X-User-Id": b"viewer-7391\xff"}}, HOME, 400, None),
    ]
    for method, path, options, route, status, rung in asked:
        with capture_logs() as logs:
            reply = await http.request(method, path, **options)  # type: ignore[arg-type]
        (line,) = [entry for entry in logs if entry["event"] == "request"]
        assert line.pop("ms") > 0
        assert line == {
            "event": "request",
            "log_level": "info",
            "protocol": "http",
            "request_id": reply.headers["x-request-id"],
            "route": route,
            "status": status,
            "release": line["release"],
            **({"rung": rung} if rung else {}),
        }
        assert "7391" not in str(logs)


async def test_a_failure_leaves_its_cause_and_its_one_line(http: httpx.AsyncClient, made: Made) -> None:
    made.feed.failure = RuntimeError("out of luck")
    with capture_logs() as logs:
        reply = await http.get(HOME)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("request failed", "error"),
        ("request", "info"),
    ]
    assert {entry["request_id"] for entry in logs} == {reply.headers["x-request-id"]}
    assert logs[1]["status"] == 500


async def test_a_log_that_cannot_be_written_fails_no_request(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk:
        def info(self, event: str, **fields: Any) -> None:
            raise OSError(28, "No space left on device")

    before = lost()
    monkeypatch.setattr(request_log, "report", FullDisk())
    assert (await http.get(HOME)).status_code == 200
    assert lost() == before + 1


def lost() -> float:
    return float(metrics.LOG_LINES_LOST._value.get())
