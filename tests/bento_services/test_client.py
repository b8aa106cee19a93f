"""The client says what the API wants to hear, and turns what goes wrong into one kind of error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import client_of

from bento_services.client import TRIES, Client, ClientError
from bento_services.feed.answers import Similar, Surface, UpNext
from bento_services.feed.page import Watched
from bento_services.http.app import create_app


class Service:
    """Answers from a table and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.visible_after = 0
        self.refuse: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.refuse is not None:
            return self.refuse
        path = request.url.path
        if path == "/api/v1/events":
            return httpx.Response(202, json={"accepted": 1, "receipt": "0-0", "event_ids": ["e1"]})
        if path.startswith("/api/v1/events/"):
            self.visible_after -= 1
            return httpx.Response(200, json={"event_id": "e1", "visible": self.visible_after < 0})
        if path.startswith("/api/v1/videos"):
            return httpx.Response(200, json={"path": request.url.raw_path.decode()})
        return httpx.Response(200, json={"recommendations": []})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def marquee(service: Service) -> Iterator[Client]:
    with Client("http://marquee.example", key="mq_secret", transport=httpx.MockTransport(service)) as client:
        yield client


def test_a_page_is_asked_for_with_all_that_is_known(service: Service, marquee: Client) -> None:
    marquee.home("u1", limit=5, cursor="c", context={"device": "tv"}, explain=True)
    (request,) = service.asked
    assert request.url.path == "/api/v1/recommendations/home"
    assert dict(request.url.params) == {"limit": "5", "cursor": "c", "explain": "true"}
    assert request.headers["x-user-id"] == "u1"
    assert json.loads(request.headers["x-context"]) == {"device": "tv"}
    assert request.headers["authorization"] == "Bearer mq_secret"


def test_what_is_not_said_is_not_sent(service: Service, marquee: Client) -> None:
    marquee.home("u1")
    marquee.send({"item_id": "v1"})
    page, sent = service.asked
    assert dict(page.url.params) == {"limit": "20"}
    assert "x-context" not in page.headers
    assert "x-user-id" not in sent.headers


def test_events_and_feedback_go_where_the_api_takes_them(service: Service, marquee: Client) -> None:
    assert marquee.send([{"item_id": "v1"}], idempotency_key="k")["event_ids"] == ["e1"]
    marquee.feedback("u1", "v2", "like")
    events, feedback = service.asked
    assert (json.loads(events.content), events.headers["idempotency-key"]) == ([{"item_id": "v1"}], "k")
    assert feedback.url.path == "/api/v1/recommendations/feedback"
    assert (json.loads(feedback.content), feedback.headers["x-user-id"]) == ({"video_id": "v2", "action": "like"}, "u1")


def test_what_cannot_be_taken_yet_is_sent_again_under_the_same_key(service: Service, marquee: Client) -> None:
    service.refuse = httpx.Response(503, headers={"retry-after": "0"}, json={"error": {"code": "unavailable"}})
    with pytest.raises(ClientError, match="503 unavailable"):
        marquee.send({"item_id": "v1"})
    assert len(service.asked) == TRIES
    assert len({request.headers["idempotency-key"] for request in service.asked}) == 1
    assert {request.content for request in service.asked} == {service.asked[0].content}


def test_what_will_never_be_taken_is_sent_once(service: Service, marquee: Client) -> None:
    service.refuse = httpx.Response(422, json={"error": {"code": "unprocessable"}})
    with pytest.raises(ClientError, match="422 unprocessable"):
        marquee.feedback("u1", "v1", "like")
    assert len(service.asked) == 1


def test_the_next_page_waits_for_what_was_sent(service: Service, marquee: Client) -> None:
    marquee.send({"item_id": "v1"})
    service.visible_after = 2
    page, seconds = marquee.home_after("u1", before={"recommendations": [1, 2, 3]})
    assert page == {"recommendations": []}
    assert seconds > 0
    assert [request.url.path for request in service.asked[1:-1]] == ["/api/v1/events/e1"] * 3
    assert service.asked[-1].url.params["limit"] == "3"


def test_waiting_has_an_end(service: Service, marquee: Client) -> None:
    service.visible_after = 1_000_000
    with pytest.raises(TimeoutError, match=r"event e1 has not reached the features after 0\.02 s"):
        marquee.wait_until_visible("e1", seconds=0.02)


def test_videos_are_put_read_and_taken_down_where_the_api_does_it(service: Service, marquee: Client) -> None:
    film = {"title": "Paper Orbit", "duration_seconds": 60}
    calls = [
        (marquee.put_video("a/b", film), "PUT", "/api/v1/videos/a%2Fb", film),
        (marquee.patch_video("v1", {"cast": None}, if_match=3), "PATCH", "/api/v1/videos/v1", {"cast": None}),
        (marquee.put_videos([{"video_id": "v1", **film}]), "POST", "/api/v1/videos:batch", None),
        (marquee.take_down("v1", why="rights ended"), "DELETE", "/api/v1/videos/v1?why=rights%20ended", None),
        (marquee.restore("v1"), "POST", "/api/v1/videos/v1/restore", None),
        (marquee.get_video("v1"), "GET", "/api/v1/videos/v1", None),
        (marquee.list_videos(5, "c", expired=True, genre="Drama"), "GET", "/api/v1/videos?limit=5&cursor=c&", None),
        (marquee.history("v1"), "GET", "/api/v1/videos/v1/history?limit=20", None),
    ]
    for (answer, method, path, body), request in zip(calls, service.asked, strict=True):
        assert request.method == method
        assert answer["path"].replace("+", "%20").startswith(path)
        assert body is None or json.loads(request.content) == body
    assert json.loads(service.asked[2].content) == {"videos": [{"video_id": "v1", **film}]}
    assert [request.headers.get("if-match") for request in service.asked[:2]] == [None, '"3"']
    assert dict(service.asked[6].url.params) == {"limit": "5", "cursor": "c", "expired": "true", "genre": "Drama"}
    marquee.put_video("v2", film, only_new=True)
    assert service.asked[-1].headers["if-none-match"] == "*"


@pytest.mark.parametrize(
    ("if_match", "changed", "sent"), [(None, "unknown", TRIES), (3, "unknown", 1), (3, "none", TRIES)]
)
def test_a_change_is_sent_again_unless_it_could_conflict_with_itself(
    service: Service, marquee: Client, if_match: int | None, changed: str, sent: int
) -> None:
    error = {"code": "catalog_down", "details": {"changed": changed}}
    service.refuse = httpx.Response(503, headers={"retry-after": "0"}, json={"error": error})
    with pytest.raises(ClientError, match="503 catalog_down") as refused:
        marquee.patch_video("v1", {"maturity": 6}, if_match)
    assert refused.value.details == {"changed": changed}
    assert len(service.asked) == sent


def test_an_error_says_what_the_service_said(service: Service, marquee: Client) -> None:
    error = {"code": "overloaded", "message": "too many requests", "request_id": "q-1", "details": {}}
    service.refuse = httpx.Response(503, json={"error": error})
    with pytest.raises(ClientError, match=r"503 overloaded: too many requests \(request q-1\)") as refused:
        marquee.status()
    assert (refused.value.status, refused.value.code, refused.value.request_id) == (503, "overloaded", "q-1")


def test_an_answer_that_is_not_json_is_an_error_too(service: Service, marquee: Client) -> None:
    service.refuse = httpx.Response(502, text="<h1>Bad gateway</h1>")
    with pytest.raises(ClientError, match="not_json: <h1>Bad gateway"):
        marquee.viewers()


async def test_lists_are_asked_for_as_the_service_reads_them_and_their_answers_have_types(made: Made) -> None:
    """The service itself answers, over the client's own transport."""
    async with client_of(create_app(lambda: made.engine)) as service:

        def answered(request: httpx.Request) -> httpx.Response:
            sent = service.build_request(request.method, str(request.url), headers=request.headers)
            reply = asyncio.run_coroutine_threadsafe(service.send(sent), loop).result(10)
            return httpx.Response(reply.status_code, content=reply.content)

        loop, where = asyncio.get_running_loop(), "http://127.0.0.1"

        def ask() -> tuple[Surface, Surface, Similar, UpNext, Surface]:
            with Client(where, transport=httpx.MockTransport(answered)) as marquee:
                return (
                    marquee.recommendations("trending", "u1", "Drama", 2, "c", context={"device": "tv"}),
                    marquee.browse("Sci-Fi / Fantasy", session_id="s-1"),
                    marquee.similar("v/1", "u1"),
                    marquee.up_next("v1", "u1", watch_time=600, total_duration=1200),
                    marquee.search("päper orb", "u1", 3, genre="Drama"),
                )

        trending, browsed, similar, after, found = await asyncio.to_thread(ask)
    assert (trending.surface, trending.items[0].item_id, trending.cursor) == ("trending", "v1", "more")
    assert browsed.category == "Sci-Fi / Fantasy"
    assert similar.similar[0].similarity_score == 1.0
    assert after.up_next is not None
    assert after.up_next.autoplay_in_seconds == 5
    assert (found.surface, found.items[0].item_id) == ("search", "v1")
    first, second, third, fourth, fifth = made.feed.queries
    assert (fifth.subject.text, fifth.subject.genre, fifth.limit) == ("päper orb", "Drama", 3)
    assert (first.subject.category, first.limit, first.cursor, first.device) == ("Drama", 2, "c", "tv")
    assert (second.session_id, third.subject.video_id) == ("s-1", "v/1")
    assert fourth.watched == Watched(600.0, 1200.0)


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()
