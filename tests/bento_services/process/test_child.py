"""A child that dies is started again, without frenzy; one that is told to stop stops."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
from worlds.live import eventually

from bento_services.process.child import Child

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
    assert "no" in kept.last_error()
