"""The Kafka broker is killed, and hangs, under a service with requests: events are 503 in time, pages go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from worlds.live import KAFKA_WARNINGS, eventually
from worlds.untrained import untrained_home

from bento_services.process.supervisor import running
from infra.kafka.broker import Broker, BrokerImpossible

pytestmark = [pytest.mark.kafka, *KAFKA_WARNINGS]

EVENT = {"user_id": "u003", "item_id": "v00001", "event": "like"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    try:
        broker.start()
    except BrokerImpossible as why:
        pytest.skip(f"no Kafka broker: {why}")
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def url(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = untrained_home(tmp_path_factory.mktemp("kafka") / "home")
    (home.root / "marquee.toml").write_text(f'[log]\nkafka = "{broker.address}"\n')
    with running(home, http_port=0, grpc_port=0) as ports:
        yield ports.http_url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        eventually(lambda: client.post("/api/v1/events", json=EVENT).status_code == 202, 60)
        yield client


def kill(broker: Broker) -> Callable[[], object]:
    broker.kill()
    return broker.start


def hang(broker: Broker) -> Callable[[], object]:
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    eventually(lambda: all(_is_stopped(one) for one in threads.iterdir()))  # until then it may still take events
    return lambda: os.kill(pid, signal.SIGCONT)


def _is_stopped(thread: Path) -> bool:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"


def visible(http: httpx.Client, event_id: str) -> bool:
    reply = http.get(f"/api/v1/events/{event_id}", headers={"x-user-id": str(EVENT["user_id"])})
    return reply.status_code == 200 and bool(reply.json()["visible"])


@pytest.mark.parametrize("take_away", [kill, hang])
def test_events_are_503_in_time_pages_go_on_and_all_is_well_again_by_itself(
    broker: Broker, http: httpx.Client, take_away: Callable[[Broker], Callable[[], object]]
) -> None:
    accepted = [http.post("/api/v1/events", json=EVENT).json()["event_ids"][0] for _ in range(5)]
    replies: list[httpx.Response] = []
    took: list[float] = []
    bring_back = take_away(broker)
    try:
        for number in range(40):
            started = time.monotonic()
            sent = [EVENT] * 10 if number % 2 else EVENT
            replies.append(http.post("/api/v1/events", json=sent))
            took.append(time.monotonic() - started)
            page = http.get("/api/v1/recommendations/home", headers={"x-user-id": "u003"})
            assert page.status_code == 200
            assert page.json()["recommendations"]
    finally:
        bring_back()
    assert {reply.status_code for reply in replies} == {503}
    assert all(reply.headers["retry-after"] and reply.json()["error"]["code"] for reply in replies)
    assert sorted(took)[len(took) // 2] < 0.25
    eventually(lambda: http.post("/api/v1/events", json=EVENT).status_code == 202, 60)
    last = http.post("/api/v1/events", json=EVENT).json()["event_ids"]
    for event_id in accepted + last:
        eventually(lambda: visible(http, event_id), 60)  # noqa: B023


def test_who_is_refused_hears_whether_anything_may_have_been_taken(broker: Broker, http: httpx.Client) -> None:
    bring_back = hang(broker)
    try:
        said = [http.post("/api/v1/events", json=[EVENT] * 10).json()["error"]["details"] for _ in range(12)]
    finally:
        bring_back()
    assert said[0] == {"taken": "unknown"}
    assert {"taken": "none"} in said  # the breaker is open: nobody asked
