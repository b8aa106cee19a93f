"""Several workers behind one address, as `marquee serve --workers` runs them: one is killed, all are replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from worlds.live import ROOT, eventually
from worlds.loops import Loops
from worlds.untrained import promote, releases

from bento_services.admission.key_file import create_key, revoke_key
from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from bento_services.rpc.generated import marquee_pb2 as messages
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from feature_repo.core.home import Home
from feature_repo.core.local_socket import ask
from monitoring.status import status_of

PAGE = "/api/v1/recommendations/home"
PAUSE_SECONDS = 0.02


class Callers(Loops):
    """Ask for pages in a closed loop: over kept connections and over new ones, by HTTP and by gRPC."""

    def __init__(self, ports: Ports) -> None:
        self.answers: Counter[str] = Counter()
        self._ports = ports
        super().__init__(self._kept, self._kept, self._new, self._calls, self._new_calls)

    @property
    def lost(self) -> dict[str, int]:
        return {what: count for what, count in self.answers.items() if not what.endswith(" ok")}

    def _kept(self) -> None:
        with httpx.Client(base_url=self._ports.http_url, timeout=20) as client:
            while not self.stopping.wait(PAUSE_SECONDS):
                self._count("kept", lambda: client.get(PAGE, headers={"x-user-id": "u001"}))

    def _new(self) -> None:
        while not self.stopping.wait(PAUSE_SECONDS):
            url = self._ports.http_url + PAGE
            self._count("new", lambda url=url: httpx.get(url, headers={"x-user-id": "u002"}, timeout=20))

    def _calls(self) -> None:
        with self._channel() as channel:
            stub = MarqueeStub(channel)
            while not self.stopping.wait(PAUSE_SECONDS):
                self._count_call("call", stub)

    def _new_calls(self) -> None:
        while not self.stopping.wait(PAUSE_SECONDS):
            with self._channel() as channel:
                self._count_call("new call", MarqueeStub(channel))

    def _channel(self) -> grpc.Channel:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.service_config", service_config())]
        return grpc.insecure_channel(f"{self._ports.host}:{self._ports.grpc_port}", options=options)

    def _count(self, kind: str, ask: Any) -> None:
        try:
            status = ask().status_code
            self.answers[f"{kind} ok" if status == 200 else f"{kind} {status}"] += 1
        except httpx.TransportError as error:
            self.answers[f"{kind} {type(error).__name__}"] += 1

    def _count_call(self, kind: str, stub: Any) -> None:
        try:
            stub.GetHome(messages.GetHomeRequest(user_id="u003"), timeout=20, wait_for_ready=True)
            self.answers[f"{kind} ok"] += 1
        except grpc.RpcError as error:
            self.answers[f"{kind} {error.code().name} {error.details()}"] += 1


def service_config() -> str:
    """The one that docs/operations.md tells clients of gRPC to use: without it, a reload loses a call now and then."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return text[text.index('{"methodConfig"') :].split("```")[0]


@contextmanager
def served(home: Home, workers: int) -> Iterator[tuple[Ports, Callers]]:
    with running(home, 0, 0, workers=workers) as ports, Callers(ports) as callers:
        eventually(lambda: len(callers.answers) == 4 and min(callers.answers.values()) >= 5, seconds=30)
        yield ports, callers


def reload(home: Home) -> tuple[int, str, str]:
    command = [sys.executable, "marquee.py", "reload", "--json", "--home", str(home.root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def pids(home: Home) -> dict[str, int]:
    return {worker["name"]: worker["pid"] for worker in status_of(home)["workers"] if worker["state"] == "ready"}


def test_one_of_three_is_killed_and_takes_at_most_its_own_requests_along(own_home: Home) -> None:
    with served(own_home, 3) as (ports, callers):
        before = pids(own_home)
        told = httpx.get(ports.http_url + "/api/v1/status").json()["workers"]
        assert {worker["name"]: worker["pid"] for worker in told if worker["since"]} == before
        assert list(before) == ["service", "service-2", "service-3"]
        os.kill(before["service-2"], signal.SIGKILL)
        after = eventually(lambda: len(now := pids(own_home)) == 3 and now != before and now, seconds=60)
        assert {name for name in after if after[name] != before[name]} == {"service-2"}
        calm = callers.answers.copy()
        eventually(lambda: all(callers.answers[kind] > calm[kind] + 5 for kind in calm if kind.endswith(" ok")))
    assert sum(callers.lost.values()) <= 5, callers.answers  # one for each caller
    log = (own_home.run / "logs" / "service-2.log").read_text().splitlines()
    assert {json.loads(line)["process"] for line in log} == {"service-2"}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_reload_under_load_loses_no_request_and_reads_the_settings_anew(own_home: Home, workers: int) -> None:
    file = own_home.root / "marquee.toml"
    file.unlink(missing_ok=True)
    with served(own_home, workers) as (ports, callers):
        before = pids(own_home)
        file.write_text("[limits]\nmax_head_bytes = 2048\n")
        status, printed, said = reload(own_home)
        assert (status, said) == (0, "")
        after = pids(own_home)
        assert len(after) == workers
        assert not {*after.values()} & {*before.values()}
        assert [worker["pid"] for worker in json.loads(printed)["workers"]] == [*after.values()]
        assert httpx.get(ports.http_url + "/readyz", headers={"x-long": "x" * 3000}).status_code == 431
    file.unlink()
    assert callers.lost == {}, callers.answers


def test_a_wrong_setting_is_refused_before_anybody_is_replaced(own_home: Home) -> None:
    file = own_home.root / "marquee.toml"
    with running(own_home, 0, 0, workers=1) as ports:
        before = pids(own_home)
        file.write_text("[feed]\ndeadline_ms = 'soon'\n")
        status, _, said = reload(own_home)
        file.unlink()
        assert status == 1
        assert said.startswith(f"marquee: {file}:2: feed.deadline_ms: ")
        assert len(said.splitlines()) == 1
        assert pids(own_home) == before
        assert httpx.get(ports.http_url + "/readyz").status_code == 200


def test_a_promotion_and_the_keys_are_followed_by_every_worker(own_home: Home) -> None:
    def answering() -> set[str]:
        return {ask(own_home, name, "status")["release_id"] for name in ("service", "service-2")}

    def statuses(key: str) -> set[int]:
        """Of as many new connections that both workers had some of them."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return {httpx.get(ports.http_url + PAGE, headers=headers, timeout=20).status_code for _ in range(20)}

    old, new = releases(own_home)
    with running(own_home, 0, 0, workers=2) as ports:
        assert (answering(), statuses("")) == ({old}, {200})
        promote(own_home, new)
        eventually(lambda: answering() == {new}, seconds=60)
        key = create_key(own_home, "web", ["serve"])
        eventually(lambda: (statuses(""), statuses(key)) == ({401}, {200}), seconds=30)
        revoke_key(own_home, "web")
        eventually(lambda: statuses(key) == {401}, seconds=30)


def test_a_home_that_nobody_serves_cannot_be_reloaded(tmp_path: Path, own_home: Home) -> None:
    status, _, said = reload(own_home)
    assert status == 2
    assert said == f"marquee: nothing serves {own_home.root}: `marquee serve`\n"
