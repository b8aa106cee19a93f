"""The online store hangs, is full or is gone, under a service with requests: events are 503 in time, pages go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import httpx
import pytest
from worlds.live import eventually, store_pid
from worlds.untrained import untrained_home

from bento_services.process.child import pid_of
from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from feature_repo.core.home import Home
from feature_repo.store.connect import connect
from feature_repo.store.valkey_server import running_url

EVENT = {"user_id": "u003", "item_id": "v00001", "event": "like"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("hung") / "home")


@pytest.fixture(scope="module")
def ports(home: Home) -> Iterator[Ports]:
    with running(home, http_port=0, grpc_port=0) as ports:
        yield ports


@pytest.fixture
def http(ports: Ports) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=ports.http_url, timeout=30) as client:
        eventually(lambda: client.post("/api/v1/events", json=EVENT).status_code == 202, 30)
        yield client


@contextmanager
def hung(home: Home) -> Iterator[None]:
    pid = store_pid(home)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def full(home: Home) -> Iterator[None]:
    url = running_url(home)
    assert url is not None
    client = connect(url, 5.0)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        client.config_set("maxmemory", "0")
        client.close()


def send(http: httpx.Client, number: int) -> httpx.Response:
    if number % 3 == 0:
        return http.post("/api/v1/events", json=[EVENT] * 10)
    if number % 3 == 1:
        return http.post("/api/v1/events", json=EVENT, headers={"idempotency-key": f"hung-{time.monotonic_ns()}"})
    feedback = {"video_id": "v00001", "action": "like"}
    return http.post("/api/v1/recommendations/feedback", json=feedback, headers={"x-user-id": "u003"})


@pytest.mark.parametrize("away", [hung, full])
def test_events_are_503_in_time_pages_go_on_and_all_is_well_again_by_itself(
    home: Home, http: httpx.Client, away: Callable[[Home], Iterator[None]]
) -> None:
    replies: list[httpx.Response] = []
    took: list[float] = []
    with away(home):  # type: ignore[attr-defined]
        for number in range(30):
            started = time.monotonic()
            replies.append(send(http, number))
            took.append(time.monotonic() - started)
            page = http.get("/api/v1/recommendations/home", headers={"x-user-id": "u003"})
            assert page.status_code == 200
            assert page.json()["recommendations"]
    assert {reply.status_code for reply in replies} == {503}
    assert all(reply.headers["retry-after"] and reply.json()["error"]["code"] for reply in replies)
    assert sorted(took)[len(took) // 2] < 0.25
    eventually(lambda: {send(http, number).status_code for number in range(3)} <= {200, 202}, 30)


def test_grpc_says_unavailable_and_when_to_try_again(home: Home, ports: Ports, http: httpx.Client) -> None:
    request = marquee_pb2.SendEventsRequest(events=[marquee_pb2.Event(**EVENT)])  # type: ignore[attr-defined]
    with grpc.insecure_channel(f"127.0.0.1:{ports.grpc_port}") as channel, hung(home):
        with pytest.raises(grpc.RpcError) as refused:
            MarqueeStub(channel).SendEvents(request, timeout=20)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert dict(refused.value.trailing_metadata())["retry-after"] == "1"


def test_a_service_that_starts_while_the_store_hangs_says_what_it_could_not_check_and_is_careful(
    home: Home, http: httpx.Client
) -> None:
    """It knows nobody: what somebody disliked or finished is in the store alone."""
    disliked = {"video_id": "v00001", "action": "dislike"}
    viewer = {"x-user-id": "u009"}
    assert http.post("/api/v1/recommendations/feedback", json=disliked, headers=viewer).status_code == 200
    with hung(home):
        os.kill(pid_of(home, "service"), signal.SIGKILL)
        page = eventually(lambda: _page_or_nothing(http, viewer), 60)
        assert page["served_by"] == "static"
        assert any("what they hid or finished could not be checked" in warning for warning in page["warnings"])
        assert page["recommendations"]
    eventually(lambda: (_page_or_nothing(http, viewer) or page)["served_by"] == "full_funnel", 60)


def _page_or_nothing(http: httpx.Client, viewer: dict[str, str]) -> dict[str, Any] | None:
    try:
        reply = http.get("/api/v1/recommendations/home", headers=viewer)
    except httpx.HTTPError:
        return None
    return dict(reply.json()) if reply.status_code == 200 else None


def test_a_store_that_was_killed_with_events_in_it_comes_back_with_all_of_them(home: Home, http: httpx.Client) -> None:
    sent = [http.post("/api/v1/events", json=EVENT).json()["event_ids"][0] for _ in range(20)]
    os.kill(store_pid(home), signal.SIGKILL)
    eventually(lambda: http.post("/api/v1/events", json=EVENT).status_code == 202, 30)
    for event_id in sent:
        eventually(lambda: _visible(http, event_id), 30)  # noqa: B023


def _visible(http: httpx.Client, event_id: str) -> bool:
    reply = http.get(f"/api/v1/events/{event_id}", headers={"x-user-id": str(EVENT["user_id"])})
    return reply.status_code == 200 and reply.json()["visible"]
