"""A child that lives and does nothing is killed and started again; one that is at work, or starts slowly, is not."""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worlds.live import eventually

from bento_services.process.child import Child
from bento_services.process.hang_watch import HangWatch, Patient
from bento_services.process.launch import spawned
from bento_services.settings import SupervisorConfig
from feature_repo.core.pulse import PulseReader

BEATING = """
import os, struct, sys, time
time.sleep(float(sys.argv[1]))
while True:
    os.write(int(sys.argv[3]), struct.pack("=i", os.getpid()))
    time.sleep(0.05)
"""
QUICK = SupervisorConfig(hang_seconds=1.0, ready_seconds=2.5)


class Known:
    """A child by what the watch sees of it."""

    pid = 7
    killed = ""

    def kill_hung(self, pid: int, why: str) -> None:
        self.killed = why


class Quiet:
    def info(self, event: str, **fields: object) -> None: ...

    error = info


@contextmanager
def watched(run: Path, first_beat_seconds: float, heard: list[str]) -> Iterator[Child]:
    pulse = PulseReader()
    command = [sys.executable, "-c", BEATING, str(first_beat_seconds)]
    launch = spawned(command, dict(os.environ), {"--pulse-fd": pulse.write_fd})
    child = Child("thing", launch, run, Quiet(), heard.append, QUICK)
    watch = HangWatch([Patient(child, pulse, QUICK)])
    child.start()
    watch.start()
    try:
        yield child
    finally:
        watch.close()
        child.ask_to_stop()
        child.wait(5)
        pulse.close()


def test_a_child_that_is_stopped_is_killed_and_started_again_which_is_said(tmp_path: Path) -> None:
    heard: list[str] = []
    with watched(tmp_path, 0, heard) as child:
        first = eventually(lambda: child.pid)
        threading.Event().wait(2.5)
        assert child.pid == first, "it was at work"
        os.kill(first, signal.SIGSTOP)
        second = eventually(lambda: child.pid not in (0, first) and child.pid)
        assert heard == [line for line in heard if "killed: without a sign of life for 1 s" in line]
        assert len(heard) == 1
        threading.Event().wait(2)
        assert child.pid == second


def test_a_child_that_never_becomes_ready_is_started_again(tmp_path: Path) -> None:
    heard: list[str] = []
    with watched(tmp_path, 60, heard) as child:
        first = eventually(lambda: child.pid)
        eventually(lambda: child.pid not in (0, first))
        assert "killed: not ready for 2.5 s" in heard[0]


def test_time_in_which_the_watch_itself_was_stopped_does_not_count() -> None:
    known, pulse = Known(), PulseReader()
    patient = Patient(known, pulse, QUICK)  # type: ignore[arg-type]
    patient.look(0.0)
    os.write(pulse.write_fd, struct.pack("=i", known.pid))
    patient.look(0.5)
    patient.look(60.0, missed_seconds=59.5)
    assert not known.killed
    patient.look(61.5)
    assert known.killed
    pulse.close()


def test_a_child_that_hangs_right_after_its_first_beat_is_not_taken_for_one_that_starts() -> None:
    known, pulse = Known(), PulseReader()
    patient = Patient(known, pulse, SupervisorConfig(hang_seconds=1.0, ready_seconds=100.0))  # type: ignore[arg-type]
    patient.look(0.0)
    known.pid = 8
    for beating in (7, 8):  # the one before is not taken for it
        os.write(pulse.write_fd, struct.pack("=i", beating))
    patient.look(0.5)
    patient.look(2.0)
    assert known.killed == "without a sign of life for 1 s"
    pulse.close()
