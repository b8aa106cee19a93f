"""What keeps the processes of a served home running, and what it leaves behind: nothing."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest
from worlds.live import eventually

from bento_services.admission.keys import AuthError
from bento_services.process.supervisor import Child, ServiceError, running
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home, World

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


def child(run: Path, command: list[str], heard: list[str] | None = None) -> Child:
    return Child("thing", command, dict(os.environ), run, (heard if heard is not None else []).append)


def pid(run: Path) -> int:
    return int((run / "thing.pid").read_text())


def test_a_child_that_is_killed_is_started_again_and_somebody_hears_of_it(tmp_path: Path) -> None:
    heard: list[str] = []
    kept = child(tmp_path, SLEEP, heard)
    kept.start()
    try:
        first = eventually(lambda: (tmp_path / "thing.pid").exists() and pid(tmp_path))
        os.kill(first, signal.SIGKILL)
        second = eventually(lambda: pid(tmp_path) != first and pid(tmp_path))
        assert psutil.pid_exists(second)
        assert ["killed by SIGKILL" in line for line in heard] == [True]
    finally:
        kept.ask_to_stop()
        kept.wait(5)
    assert not psutil.pid_exists(second)
    assert not (tmp_path / "thing.pid").exists()


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    kept = child(tmp_path, DEAF)
    kept.start()
    eventually(lambda: kept.log.exists() and "deaf" in kept.log.read_text())
    process = pid(tmp_path)
    kept.ask_to_stop()
    kept.wait(0.3)
    assert not psutil.pid_exists(process)


def test_a_child_that_cannot_live_is_not_started_in_a_frenzy(tmp_path: Path) -> None:
    heard: list[str] = []
    kept = child(tmp_path, [sys.executable, "-S", "-c", "print('no'); raise SystemExit(3)"], heard)
    kept.start()
    time.sleep(1.0)
    kept.ask_to_stop()
    kept.wait(5)
    assert 1 <= len(heard) <= 5
    assert "exit status 3" in heard[0]
    assert "no" in kept.log_end()


@pytest.fixture
def promised(tmp_path: Path) -> Home:
    """A home that says it has a release, without one."""
    home = Home(tmp_path)
    home.write_world(World("empty", "simulator", "str", ("Drama",)))
    home.releases.mkdir()
    (home.releases / "champion").write_text("r-0123456789ab")
    return home


def test_a_home_without_a_release_says_what_to_run_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(HomeError, match="marquee simulate"), running(home):
        pass
    home.write_world(World("empty", "simulator", "str", ("Drama",)))
    with pytest.raises(HomeError, match="marquee promote"), running(home):
        pass


def test_a_network_address_without_keys_is_refused_unless_it_is_spelled_out(promised: Home) -> None:
    with pytest.raises(AuthError, match="--insecure"), running(promised, 0, 0, host="0.0.0.0"):
        pass


def test_a_port_that_is_taken_is_named(promised: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"{port}.*--http-port 0"), running(promised, port, 0):
            pass
        with pytest.raises(ServiceError, match=f"{port}.*--grpc-port 0"), running(promised, 0, port):
            pass
