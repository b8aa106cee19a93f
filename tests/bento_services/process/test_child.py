"""A child that dies is started again, without frenzy; one that is told to stop stops."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from worlds.live import eventually

from bento_services.process.child import Child
from bento_services.process.launch import Running, spawned

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


class Log:
    """A log that remembers the texts and events it was given."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.said.append({"event": event, **fields})

    error = info


def child(run: Path, command: list[str], heard: list[str] | None = None, log: Log | None = None) -> Child:
    tell = (heard if heard is not None else []).append
    return Child("thing", spawned(command, dict(os.environ)), run, log or Log(), tell)


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
    log = Log()
    kept = child(tmp_path, DEAF, log=log)
    kept.start()
    eventually(lambda: "deaf" in str(log.said))
    process = pid(tmp_path)
    kept.ask_to_stop()
    kept.wait(0.3)
    assert not psutil.pid_exists(process)


def test_a_child_that_cannot_live_is_not_started_in_a_frenzy(tmp_path: Path) -> None:
    heard: list[str] = []
    log = Log()
    kept = child(tmp_path, [sys.executable, "-S", "-c", "print('no'); raise SystemExit(3)"], heard, log)
    kept.start()
    time.sleep(1.0)
    kept.ask_to_stop()
    kept.wait(5)
    assert 1 <= len(heard) <= 6
    assert "exit status 3" in heard[0]
    assert "no" in [line.get("text") for line in log.said]


def test_one_that_somebody_kills_comes_back_soon_however_often(tmp_path: Path) -> None:
    log = Log()
    kept = child(tmp_path, SLEEP, log=log)
    kept.start()
    try:
        for deaths in range(1, 9):
            eventually(lambda: log.said[-1:] and log.said[-1]["event"] == "child started")
            os.kill(log.said[-1]["child_pid"], signal.SIGKILL)
            eventually(partial(lambda expected: kept.deaths == expected, deaths))
    finally:
        kept.ask_to_stop()
        kept.wait(5)
    pauses = [line["again_in_seconds"] for line in log.said if line["event"] == "child ended"]
    assert len(pauses) == 8
    assert max(pauses) <= 0.2


def test_a_child_is_started_again_although_its_pid_file_and_its_listener_fail(tmp_path: Path) -> None:
    def deaf(line: str) -> None:
        raise OSError("nobody hears")

    (tmp_path / "thing.pid").mkdir()  # a file can neither be written nor removed there
    log = Log()
    kept = Child("thing", spawned(SLEEP, dict(os.environ)), tmp_path, log, deaf)
    kept.start()
    try:
        first = eventually(lambda: [line["child_pid"] for line in log.said if line["event"] == "child started"])
        os.kill(first[0], signal.SIGKILL)
        eventually(lambda: sum(line["event"] == "child started" for line in log.said) == 2)
        (tmp_path / "thing.pid").rmdir()
        kept.keep_pid_file()
        assert psutil.pid_exists(pid(tmp_path))
    finally:
        kept.ask_to_stop()
        kept.wait(5)
    assert {line["cannot"] for line in log.said if line["event"] == "supervision"} >= {"write its pid file"}


def test_a_child_that_cannot_be_started_is_tried_until_it_can(tmp_path: Path) -> None:
    log = Log()
    tries: list[int] = []
    start = spawned(SLEEP, dict(os.environ))

    def launch(output: int) -> Running:
        tries.append(1)
        if len(tries) < 4:
            raise OSError(24, "Too many open files")
        return start(output)

    kept = Child("thing", launch, tmp_path, log)
    kept.start()
    eventually(lambda: (tmp_path / "thing.pid").exists())
    kept.ask_to_stop()
    kept.wait(5)
    assert [line["error"] for line in log.said if line["event"] == "supervision"] == ["[Errno 24] Too many open files"]
    assert kept.deaths == 0


def test_a_traceback_of_a_child_is_one_record(tmp_path: Path) -> None:
    log = Log()
    kept = child(tmp_path, [sys.executable, "-c", "raise ValueError('broken')"], log=log)
    kept.start()
    eventually(lambda: kept.deaths)
    kept.ask_to_stop()
    kept.wait(5)
    said = [line["text"] for line in log.said if line["event"] == "output"]
    assert said[0].startswith("Traceback")
    assert said[0].endswith("ValueError: broken")
    assert kept.last_words().endswith("ValueError: broken")
