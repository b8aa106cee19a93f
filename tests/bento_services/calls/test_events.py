"""Events and feedback under one key, however often they are sent; and waiting for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bento_services.calls import events
from bento_services.client import Client
from bento_services.events.intake import Receipt

PAGE: dict[str, Any] = {
    "request_id": "q",
    "rows": [],
    "recommendations": [],
    "cursor": None,
    "served_by": "popular",
    "release_id": "r",
    "certificate": {},
    "stage_ms": {},
    "candidates": 0,
}


class Service:
    """Says that an event is visible once it was asked for so often."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.visible_after = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.visible_after -= 1
        if request.url.path.endswith("/home"):
            return httpx.Response(200, json=PAGE)
        return httpx.Response(200, json={"event_id": "e/1", "visible": self.visible_after < 0})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def marquee(service: Service) -> Iterator[Client]:
    with Client("http://marquee.example", transport=httpx.MockTransport(service)) as client:
        yield client


def test_events_have_a_key_of_their_own_unless_one_is_given() -> None:
    one, two = (events.send({"item_id": "v1", "event": "click"}) for _ in range(2))
    assert one.headers["idempotency-key"] != two.headers["idempotency-key"]
    assert events.send([], idempotency_key="k", session_id="s").headers == {"idempotency-key": "k", "x-session-id": "s"}


def test_feedback_says_why_where_there_is_a_reason() -> None:
    assert events.feedback("u1", "v1", "like").body == {"video_id": "v1", "action": "like"}
    said = events.feedback("", "v1", "dislike", "seen it", session_id="s")
    assert (said.body["reason"], said.headers["x-session-id"]) == ("seen it", "s")


def test_the_next_page_waits_for_what_was_sent(service: Service, marquee: Client) -> None:
    service.visible_after = 2
    page = marquee.home_after(Receipt(1, "0-0", ["e/0", "e/1"]), "u1", limit=3)
    assert page.served_by == "popular"
    assert [request.url.raw_path.decode() for request in service.asked[:-1]] == ["/api/v1/events/e%2F1"] * 3
    assert service.asked[-1].url.params["limit"] == "3"
    assert {request.headers["x-user-id"] for request in service.asked} == {"u1"}


def test_waiting_has_an_end(service: Service, marquee: Client) -> None:
    service.visible_after = 1_000_000
    with pytest.raises(TimeoutError, match=r"event e1 has not reached the features after 0\.02 s"):
        marquee.wait_until_visible("e1", seconds=0.02)
