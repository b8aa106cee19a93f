"""The whole service as `marquee serve` runs it: real processes, real store, HTTP and gRPC.

The tests run in order over one running service; the last ones take it apart.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from worlds.live import eventually, personal_page, store_pid
from worlds.untrained import VIDEOS, promote, releases, videos

from bento_services.client import Client, InvalidRequest, NotReached
from bento_services.feed.page import Page
from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from bento_services.process.workers import ServiceError
from bento_services.rpc.generated import marquee_pb2 as messages
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from feature_repo.core.home import Home
from feature_repo.core.local_socket import ask
from monitoring.status import status_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def ports(own_home: Home, heard: list[str]) -> Iterator[Ports]:
    before = set(psutil.Process().children(recursive=True))
    with running(own_home, 0, 0, on_event=heard.append) as ports:
        yield ports
    found = [child for child in psutil.Process().children(recursive=True) if child not in before]
    # A server that other tests have started, such as PostgreSQL, starts and ends processes as it likes.
    assert [child for child in found if not before & {*child.parents()}] == []
    assert not (own_home.run / "ports.json").exists()


@pytest.fixture(scope="module")
def client(ports: Ports) -> Iterator[Client]:
    with Client(ports.http_url, timeout_seconds=20) as client:
        yield client


def videos_of(page: Page) -> list[str]:
    return [item.video_id for row in page.rows for item in row.items]


def pid(home: Home, name: str) -> int:
    return int((home.run / f"{name}.pid").read_text())


def test_the_ports_are_written_down(ports: Ports, own_home: Home) -> None:
    written = json.loads((own_home.run / "ports.json").read_text())
    assert (written["http_port"], written["grpc_port"]) == (ports.http_port, ports.grpc_port)
    assert written["pid"] == os.getpid()
    assert Ports.read(own_home) == ports


def test_a_home_is_served_once(ports: Ports, own_home: Home) -> None:
    with pytest.raises(ServiceError, match="being served already"), running(own_home, 0, 0):
        pass


def test_it_is_served_once_also_when_its_runtime_files_are_deleted_which_come_back(
    ports: Ports, own_home: Home
) -> None:
    shutil.rmtree(own_home.run)
    with pytest.raises(ServiceError, match="being served already"), running(own_home, 0, 0):
        pass
    eventually(lambda: Ports.read(own_home) == ports and (own_home.run / "service.pid").exists())
    eventually(lambda: ask(own_home, "service", "status"))


def test_a_watched_video_changes_the_next_page(client: Client) -> None:
    before = personal_page(client, "u001")
    assert len(before.recommendations) == 20
    assert len(set(videos_of(before))) == len(videos_of(before))
    watched, sent_at = before.recommendations[0], time.monotonic()
    receipt = client.send({"user_id": "u001", "item_id": watched.video_id, "event": "watch", "duration_sec": 1e5})
    after = client.home_after(receipt, "u001")
    assert time.monotonic() - sent_at < 2.0
    assert watched.video_id not in videos_of(after)
    assert "because you watched" in json.dumps(after.to_json()).lower()


def test_an_event_sent_twice_counts_once(client: Client) -> None:
    event = {"event_id": "once", "user_id": "u-twice", "item_id": "v00004", "event": "watch", "duration_sec": 1e5}
    for _ in range(2):
        client.send(event)
    client.wait_until_visible("once")
    client.send({**event, "event_id": "after", "event": "click"})
    client.wait_until_visible("after")
    assert client.viewer("u-twice").watch_count == 1


def test_a_look_at_a_viewer_waits_for_a_busy_store(client: Client, own_home: Home) -> None:
    """A page gives up after 50 ms and takes a lower rung; a look at a viewer has no lower one."""
    server = psutil.Process(store_pid(own_home))
    server.suspend()
    timer = threading.Timer(0.4, server.resume)
    timer.start()
    try:
        assert client.viewer("u001").user_id == "u001"
    finally:
        timer.join()


def test_grpc_gives_the_page_that_http_gives(ports: Ports) -> None:
    # The request id seeds what is explored: the same question is the same page.
    asked = {"x-user-id": "u007", "x-request-id": "the-same-question"}
    over_http = httpx.get(f"{ports.http_url}/api/v1/recommendations/home?limit=20", headers=asked).json()
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc_port}") as channel:
        over_grpc = MarqueeStub(channel).GetHome(
            messages.GetHomeRequest(user_id="u007", limit=20), metadata=(("x-request-id", "the-same-question"),)
        )
    for name in ("request_id", "release_id", "served_by"):
        assert getattr(over_grpc, name) == over_http[name]
    assert [(row.row_id, [item.video_id for item in row.items]) for row in over_grpc.rows] == [
        (row["row_id"], [item["video_id"] for item in row["items"]]) for row in over_http["rows"]
    ]
    scores = [item.score for item in over_grpc.recommendations]
    assert scores == pytest.approx([item["score"] for item in over_http["recommendations"]], rel=1e-3)


def test_ten_thousand_watches_of_one_viewer_put_no_video_before_strangers(client: Client) -> None:
    """Few have watched the video, and everybody may: one watch more, however often it is sent, is no trend."""
    strangers = [f"stranger-{number}" for number in range(15)]
    least = f"v{VIDEOS - 5:05}"
    assert (videos()[least]["maturity"], videos()[least]["countries"]) == (0, [])
    watch = {"user_id": "bot", "item_id": least, "event": "watch", "duration_sec": 3_000.0}
    for start in range(0, 10_000, 500):
        client.send([watch | {"event_id": f"bot-{number}"} for number in range(start, start + 500)])
    client.wait_until_visible("bot-9999", seconds=60)
    assert client.viewer("bot").watch_count == 10_000
    for stranger in strangers:
        page = client.home(stranger)
        rows = {row.row_id: [item.video_id for item in row.items] for row in page.rows}
        assert len(rows["trending"]) > 2
        assert least not in rows["trending"]
        assert least not in rows.get("popular", [])
        assert least not in [item.video_id for item in page.recommendations[:3]]


def test_a_cursor_goes_on_without_repeating(client: Client) -> None:
    first = client.home("u009", limit=10)
    second = client.home("u009", limit=10, cursor=first.cursor)
    assert second.recommendations
    one, two = ({item.video_id for item in page.recommendations} for page in (first, second))
    assert one.isdisjoint(two)
    with pytest.raises(InvalidRequest, match="400"):
        client.home("u009", cursor="no-cursor-of-ours")


def test_a_new_champion_is_taken_up_without_dropping_a_request(client: Client, own_home: Home) -> None:
    old, new = releases(own_home)
    promote(own_home, new)
    served = set()
    deadline = time.monotonic() + 30
    while new not in served:
        assert time.monotonic() < deadline, "the new release does not answer"
        page = client.home("u003")
        assert page.recommendations
        served.add(page.release_id)
    assert served == {old, new}


def test_a_release_with_a_changed_byte_is_refused_by_name_and_the_other_goes_on(client: Client, own_home: Home) -> None:
    serving, other = releases(own_home)
    victim = own_home.releases / other / "ranker" / "ranker.onnx"
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    promote(own_home, other)
    refused = eventually(lambda: client.status().refused_releases, seconds=20)
    assert "ranker/ranker.onnx" in refused[0]
    assert personal_page(client, "u003").release_id == serving
    promote(own_home, serving)


def test_without_its_store_the_service_goes_on_and_becomes_personal_again(client: Client, own_home: Home) -> None:
    os.kill(store_pid(own_home), signal.SIGKILL)
    rungs = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        page = client.home("u005")
        assert page.recommendations
        rungs.append(page.served_by)
        if len(rungs) > 20 and rungs[-1] == "full_funnel" and psutil.Process().children():
            break
    assert rungs[-1] == "full_funnel"


def test_a_killed_event_processor_comes_back_and_loses_nothing(
    client: Client, own_home: Home, heard: list[str]
) -> None:
    first = pid(own_home, "processor")
    os.kill(first, signal.SIGKILL)
    client.send({"event_id": "while-down", "user_id": "u013", "item_id": "v00001", "event": "like"})
    client.wait_until_visible("while-down", seconds=30)
    assert pid(own_home, "processor") != first
    assert any("processor ended (killed by SIGKILL)" in line for line in heard)


def test_a_killed_service_comes_back_on_its_port(client: Client, own_home: Home) -> None:
    first = pid(own_home, "service")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: _home_or_nothing(client), seconds=60)
    personal_page(client, "u001")
    assert pid(own_home, "service") != first


def test_a_service_that_is_stopped_is_named_killed_and_started_again(
    client: Client, own_home: Home, heard: list[str]
) -> None:
    first = pid(own_home, "service")
    os.kill(first, signal.SIGSTOP)
    why = status_of(own_home)["parts"]["release"]["why"]
    assert f"process {first}, is stopped: it is killed and started again" in why
    eventually(lambda: pid(own_home, "service") != first, seconds=40)
    eventually(lambda: _home_or_nothing(client), seconds=60)
    assert any("service ended (killed: without a sign of life for 15 s)" in line for line in heard)


def test_a_processor_that_is_stopped_is_killed_and_started_again_and_loses_nothing(
    client: Client, own_home: Home, heard: list[str]
) -> None:
    first = pid(own_home, "processor")
    os.kill(first, signal.SIGSTOP)
    eventually(lambda: pid(own_home, "processor") != first, seconds=40)
    assert any("processor ended (killed: without a sign of life for 15 s)" in line for line in heard)
    eventually(lambda: client.status().events.ready, seconds=30)
    client.send({"event_id": "after-stop", "user_id": "u014", "item_id": "v00001", "event": "like"})
    client.wait_until_visible("after-stop", seconds=30)


def _home_or_nothing(client: Client) -> Page | None:
    try:
        return client.home("u001")
    except NotReached:
        return None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_supervisor_that_ends_leaves_no_process(untrained: Home, tmp_path: Path, number: int) -> None:
    """Also in the middle of starting, and also when nobody gives it the time to clean up."""
    home = Home(tmp_path / "home")
    shutil.copytree(untrained.root, home.root)
    program = (
        "import time; from bento_services.process.supervisor import running; from feature_repo.core.home import Home\n"
        f"with running(Home.open({str(home.root)!r}), 0, 0): time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    supervisor = subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.DEVNULL)
    eventually(lambda: (home.run / "service.pid").exists() and (home.run / "processor.pid").exists(), seconds=60)
    children = psutil.Process(supervisor.pid).children(recursive=True)
    assert len(children) >= 3
    supervisor.send_signal(number)
    supervisor.wait(20)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert [child.cmdline() for child in alive] == []
