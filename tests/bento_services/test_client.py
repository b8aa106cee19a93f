"""Both clients, asked the same of the service itself: what they send is what it reads, and answers have types."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import client_of

from bento_services.client import (
    ONCE,
    AsyncClient,
    Client,
    ClientError,
    Conflict,
    InvalidRequest,
    NotFound,
    NotReached,
    NotUnderstood,
    Retries,
    TooManyRequests,
    Unavailable,
)
from bento_services.feed.page import Page, Watched
from bento_services.http.app import create_app

WHERE = "http://127.0.0.1"
Ask = Callable[..., Awaitable[Any]]
FILM = {"title": "Paper Orbit", "duration_seconds": 60}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    made = Made(catalog_home(tmp_path / "home"))
    yield made
    made.engine.close()


@pytest.fixture(params=["Client", "AsyncClient"])
async def ask(request: pytest.FixtureRequest, made: Made) -> AsyncIterator[Ask]:
    """A method of a client by its name, over the service's own edge."""
    async with client_of(create_app(lambda: made.engine)) as service:
        loop = asyncio.get_running_loop()

        async def answered(sent: httpx.Request) -> httpx.Response:
            passed = service.build_request(sent.method, str(sent.url), headers=sent.headers, content=sent.content)
            reply = await service.send(passed)
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

        if request.param == "AsyncClient":
            async with AsyncClient(WHERE, transport=httpx.MockTransport(answered)) as patient:
                yield lambda name, *said, **more: getattr(patient, name)(*said, **more)
            return

        def over_the_loop(sent: httpx.Request) -> httpx.Response:
            return asyncio.run_coroutine_threadsafe(answered(sent), loop).result(10)

        with Client(WHERE, transport=httpx.MockTransport(over_the_loop)) as waiting:
            yield lambda name, *said, **more: asyncio.to_thread(getattr(waiting, name), *said, **more)


async def test_a_page_has_a_type_and_its_query_arrives_whole(made: Made, ask: Ask) -> None:
    context = {"device": "tv", "country": "de", "last_watched_item_id": "v2"}
    page = await ask("home", "ü/1", 3, "c", context, explain=True, session_id="s")
    assert isinstance(page, Page)
    assert page.rows[0].items[0].trace == {"p_click": 0.25}
    assert page.recommendations[0].genres == ("Drama",)
    assert (page.cursor, page.served_by, page.certificate["relaxed"]) == ("more", "full_funnel", [])
    (query,) = made.feed.queries
    assert (query.user_id, query.session_id, query.limit, query.cursor) == ("ü/1", "s", 3, "c")
    assert (query.device, query.country, query.last_watched_item_id) == ("tv", "DE", "v2")


async def test_lists_are_asked_for_as_the_service_reads_them(made: Made, ask: Ask) -> None:
    trending = await ask("recommendations", "trending", "u1", "Drama", 2, "c", context={"device": "tv"})
    browsed = await ask("browse", "Sci-Fi / Fantasy", session_id="s-1")
    similar = await ask("similar", "v/1", "u1")
    after = await ask("up_next", "v1", "u1", watch_time=600, total_duration=1200)
    found = await ask("search", "päper orb", "u1", 3, genre="Drama")
    assert (trending.surface, trending.items[0].item_id, trending.cursor) == ("trending", "v1", "more")
    assert browsed.category == "Sci-Fi / Fantasy"
    assert similar.similar[0].similarity_score == 1.0
    assert after.up_next.autoplay_in_seconds == 5
    assert (found.surface, found.items[0].item_id) == ("search", "v1")
    assert "Drama" in (await ask("categories")).categories
    first, second, third, fourth, fifth = made.feed.queries
    assert (first.subject.category, first.limit, first.cursor, first.device) == ("Drama", 2, "c", "tv")
    assert (second.session_id, third.subject.video_id) == ("s-1", "v/1")
    assert fourth.watched == Watched(600.0, 1200.0)
    assert (fifth.subject.text, fifth.subject.genre, fifth.limit) == ("päper orb", "Drama", 3)


async def test_events_and_feedback_are_taken(made: Made, ask: Ask) -> None:
    receipt = await ask("send", [{"item_id": "v1", "event": "click"}], "k", user_id="u1")
    assert (receipt.accepted, len(receipt.event_ids)) == (1, 1)
    assert (await ask("send", [{"item_id": "v1", "event": "click"}], "k", user_id="u1")) == receipt
    said = await ask("feedback", "u1", "v2", "like")
    assert said.status == "accepted"
    assert [(event.user_id, event.video_id, event.event) for event in made.log.events] == [
        ("u1", "v1", "click"),
        ("u1", "v2", "like"),
    ]
    assert not (await ask("event", said.event_id, "u1")).visible
    made.receipts.folded[("u1", said.event_id)] = 1
    assert (await ask("event", said.event_id, "u1")).visible
    await ask("wait_until_visible", said.event_id, user_id="u1")


async def test_videos_are_put_changed_and_taken_down(ask: Ask) -> None:
    put = await ask("put_video", "a/b", FILM, only_new=True)
    assert (put.created, put.video.version, put.video.title) == (True, 1, "Paper Orbit")
    patched = await ask("patch_video", "a/b", {"maturity": 6}, if_match=1)
    assert (patched.video.maturity, patched.video.version) == (6, 2)
    assert (await ask("take_down", "a/b", why="rights ended")).video.taken_down_at
    assert (await ask("restore", "a/b")).video.taken_down_at is None
    assert (await ask("put_videos", [{"video_id": "c", **FILM}])).videos[0].created
    assert [video.video_id for video in (await ask("list_videos", taken_down=False)).videos][:1] == ["a/b"]
    assert (await ask("get_video", "a/b")).version == 4
    assert [line.action for line in (await ask("history", "a/b")).changes] == ["restore", "take_down", "patch", "put"]


async def test_rules_are_put_tried_changed_and_removed(ask: Ask) -> None:
    boost = {"kind": "boost", "genres": ["Drama"], "factor": 2.0}
    put = await ask("put_rule", "r/1", boost, only_new=True, why="launch")
    assert (put.created, put.rule.factor, put.rule.version) == (True, 2.0, 1)
    assert (await ask("patch_rule", "r/1", {"enabled": False}, if_match=1)).rule.enabled is False
    assert [rule.rule_id for rule in (await ask("rules")).rules] == ["r/1"]
    assert (await ask("get_rule", "r/1")).genres == ["Drama"]
    preview = await ask("preview_rule", boost, "u1", limit=2)
    assert len(preview.with_rule.recommendations) == 2
    assert (await ask("remove_rule", "r/1")).rule_id == "r/1"
    lines = (await ask("rule_history", "r/1")).changes
    assert [(line.action, line.why) for line in lines] == [("remove", ""), ("patch", ""), ("put", "launch")]


async def test_viewers_and_the_state_of_the_service_have_types(ask: Ask) -> None:
    assert (await ask("viewers")).viewers == ["u1", "u2"]
    assert (await ask("viewer", "u1")).history[0].video_id == "v6"
    assert (await ask("status")).ready


async def test_what_is_refused_is_an_error_of_its_kind(ask: Ask) -> None:
    with pytest.raises(InvalidRequest, match="limit") as wrong:
        await ask("home", "u1", limit=101)
    assert (wrong.value.status, wrong.value.code) == (422, "unprocessable")
    with pytest.raises(NotFound):
        await ask("get_video", "gone")
    await ask("put_video", "v", FILM)
    with pytest.raises(Conflict) as other:
        await ask("patch_video", "v", {"maturity": 6}, if_match=7)
    assert other.value.request_id.startswith("q-")
    with pytest.raises(InvalidRequest) as many:
        await ask("put_videos", [{"video_id": "x"}, {"video_id": "y"}])
    assert {fault["index"] for fault in many.value.details["faults"]} == {0, 1}


async def test_a_key_is_sent_with_everything() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"viewers": [], "example_user": ""})

    with Client("http://marquee.example", key="mq_secret", transport=httpx.MockTransport(answer)) as waiting:
        waiting.viewers()
    async with AsyncClient("http://marquee.example", "mq_secret", transport=httpx.MockTransport(answer)) as patient:
        await patient.viewers()
    assert [request.headers["authorization"] for request in sent] == ["Bearer mq_secret"] * 2


@pytest.mark.parametrize(
    ("status", "kind"), [(503, Unavailable), (429, TooManyRequests), (502, NotUnderstood), (0, NotReached)]
)
async def test_both_send_again_what_may_be_and_say_the_same_in_the_end(status: int, kind: type[ClientError]) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if not status:
            raise httpx.ConnectError("nobody listens")
        if status == 502:
            return httpx.Response(502, text="<h1>Bad gateway</h1>")
        return httpx.Response(status, headers={"retry-after": "0"}, json={"error": {"code": "later"}})

    transport, quick = httpx.MockTransport(answer), Retries(tries=3, first_pause_seconds=0.0)
    with Client(WHERE, transport=transport, retries=quick) as waiting, pytest.raises(kind):
        waiting.send({"item_id": "v1"})
    async with AsyncClient(WHERE, transport=transport, retries=quick) as patient:
        with pytest.raises(kind):
            await patient.send({"item_id": "v1"})
    tries = 1 if status == 502 else 3
    assert len(sent) == 2 * tries
    assert len({request.headers["idempotency-key"] for request in sent}) == 2
    with Client(WHERE, transport=transport, retries=ONCE) as once, pytest.raises(kind):
        once.home("u1")
    assert len(sent) == 2 * tries + 1


async def test_a_client_that_waits_lets_others_work() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, headers={"retry-after": "60"}, json={"error": {}})

    retries = Retries(longest_pause_seconds=60.0)
    async with AsyncClient(WHERE, transport=httpx.MockTransport(answer), retries=retries) as patient:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(patient.home("u1"), 0.05)
