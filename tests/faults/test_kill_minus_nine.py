"""Each process of a served home killed with -9 again and again, under load: nothing lost, nothing counted twice.

The load is 50 events and 20 pages a second. A sender that hears nothing, or 503, sends the same again under the same
key; so at the end everything it made was acknowledged, and the features have to count exactly that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx
import psutil
import pytest
from worlds.live import ROOT, eventually
from worlds.loops import Loops

from bento_services.client import Client, NotReached, Unavailable
from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from feature_repo.core.home import Home

VIEWERS = [f"killed-{number}" for number in range(10)]
BATCH = 5
BATCH_SECONDS = BATCH / 50
PAGE_SECONDS = 1 / 20
BACK_SECONDS = 60.0  # far more than a start takes: how fast it is, is printed


class Load(Loops):
    """Sends watches and asks for pages until the block ends; `sent` has the acknowledged watches of each viewer."""

    def __init__(self, url: str) -> None:
        self.sent = dict.fromkeys(VIEWERS, 0)
        self.statuses: set[int] = set()
        self._url = url
        super().__init__(self._send, self._look)

    def _send(self) -> None:
        with Client(self._url, timeout_seconds=10) as client:
            number = 0
            while not self.stopping.wait(BATCH_SECONDS):
                viewer = VIEWERS[number % len(VIEWERS)]
                watches = [watch(f"{number}-{place}", viewer) for place in range(BATCH)]
                while not _taken(client, watches, f"killed-{number}"):
                    time.sleep(0.05)
                self.sent[viewer] += BATCH
                number += 1

    def _look(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10) as client:
            while not self.stopping.wait(PAGE_SECONDS):
                try:
                    reply = client.get("/api/v1/recommendations/home", headers={"x-user-id": "u001"})
                    self.statuses.add(reply.status_code)
                except httpx.TransportError:
                    continue  # it was asked of the process that was killed


def watch(event_id: str, viewer: str) -> dict[str, object]:
    return {"event_id": event_id, "user_id": viewer, "item_id": "v00001", "event": "watch", "duration_sec": 1e5}


def _taken(client: Client, watches: list[dict[str, object]], key: str) -> bool:
    try:
        return len(client.send(watches, idempotency_key=key).event_ids) == len(watches)
    except (NotReached, Unavailable):
        return False


def _kill(home: Home, name: str) -> None:
    """Kill a child, which another one has followed when this returns."""
    first = int((home.run / f"{name}.pid").read_text())
    os.kill(first, signal.SIGKILL)
    eventually(lambda: int((home.run / f"{name}.pid").read_text()) != first, BACK_SECONDS)


def _page_is_back(url: str, home: Home, kill: int) -> None:
    _kill(home, "service")
    with Client(url, timeout_seconds=BACK_SECONDS) as client:  # it waits in the queue of the listening socket
        eventually(lambda: client.home("u001").recommendations, BACK_SECONDS)


def _processor_is_back(url: str, home: Home, kill: int) -> None:
    """What is sent after the kill is in the features, of a viewer of its own."""
    _kill(home, "processor")
    with Client(url, timeout_seconds=BACK_SECONDS) as client:
        eventually(lambda: _taken(client, [watch(f"after-{kill}", "after")], f"after-{kill}"), BACK_SECONDS)
        client.wait_until_visible(f"after-{kill}", BACK_SECONDS)


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_what_was_acknowledged_is_applied_once_however_often_the_processor_and_the_service_are_killed(
    own_world: Path, kills: int
) -> None:
    home = Home.open(own_world)
    with running(home, http_port=0, grpc_port=0) as ports:
        url = ports.http_url
        with Load(url) as load:
            eventually(lambda: min(load.sent.values()) and load.statuses, BACK_SECONDS)
            processor, service = [], []
            for kill in range(kills):
                processor.append(_seconds(lambda kill=kill: _processor_is_back(url, home, kill)))  # type: ignore[misc]
                service.append(_seconds(lambda kill=kill: _page_is_back(url, home, kill)))  # type: ignore[misc]
        with Client(url, timeout_seconds=20) as client:
            for viewer, sent in load.sent.items():
                eventually(lambda viewer=viewer, sent=sent: _watches(client, viewer) >= sent, BACK_SECONDS)  # type: ignore[misc]
            assert {viewer: _watches(client, viewer) for viewer in VIEWERS} == load.sent
            assert _watches(client, "after") == kills
    assert load.statuses == {200}
    print(
        f"{kills} kills each: an event is folded {median(processor):.2f} s (at most {max(processor):.2f}), "
        f"a page is there {median(service):.2f} s (at most {max(service):.2f}) after the kill"
    )


def _watches(client: Client, viewer: str) -> int:
    return client.viewer(viewer).watch_count


def test_after_a_killed_supervisor_no_child_is_left_and_the_home_is_served_again(own_world: Path) -> None:
    home = Home.open(own_world)
    program = (
        "import sys, time; from bento_services.process.supervisor import running\n"
        "from feature_repo.core.home import Home\n"
        "with running(Home.open(sys.argv[1]), 0, 0): print('ready', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(home.root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "ready\n"
        found = Ports.read(home)
        assert found is not None
        with Client(found.http_url, timeout_seconds=20) as client:
            eventually(lambda: _taken(client, [watch("before", "before")], "before"), BACK_SECONDS)
        children = psutil.Process(supervisor.pid).children(recursive=True)
        supervisor.kill()
    _, alive = psutil.wait_procs(children, timeout=BACK_SECONDS)
    assert [child.cmdline() for child in alive] == []
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url, timeout_seconds=20) as client:
        assert client.home("u001").recommendations
        client.wait_until_visible("before", BACK_SECONDS)
        assert _watches(client, "before") == 1
