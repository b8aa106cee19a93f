"""A child ends when its parent does, also when the parent is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from feature_repo.core.processes import is_running, is_stopped, started_at, tied_to_parent

PARENT = """
import subprocess, sys, time
from feature_repo.core.processes import tied_to_parent
child = subprocess.Popen(tied_to_parent([sys.executable, "-c", "import time; time.sleep(60)"]))
print(child.pid, flush=True)
time.sleep(60)
"""


STOPPING = """
import signal, threading
from feature_repo.core.processes import set_on_signal
event = threading.Event()
set_on_signal(event, signal.SIGTERM)
with event._cond:  # as while it is set: the handler runs here, in the middle of it
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
assert event.wait(10)
"""


def test_a_signal_in_the_middle_of_setting_an_event_is_heard() -> None:
    assert subprocess.run([sys.executable, "-c", STOPPING], timeout=30, check=False).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked to end a child with its parent")
def test_a_child_does_not_outlive_a_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    gone, alive = psutil.wait_procs([child], timeout=20)
    assert (len(gone), alive) == (1, [])


def test_a_tied_command_runs_and_gives_its_exit_status() -> None:
    done = subprocess.run(
        tied_to_parent([sys.executable, "-c", "print('hello'); raise SystemExit(3)"]), capture_output=True
    )
    assert (done.stdout, done.returncode) == (b"hello\n", 3)


def test_a_command_whose_parent_is_gone_already_does_not_start() -> None:
    command = tied_to_parent([sys.executable, "-c", "print('hello')"])
    command[5] = "1"  # another parent than the one that starts it
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr.strip()) == ("", "the parent is gone")
    assert time.monotonic() - started < 10


def test_a_process_that_has_ended_or_whose_id_another_got_is_not_running() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as child:
        started = started_at(child.pid)
        assert is_running(child.pid)
        assert is_running(child.pid, started)
        assert not is_running(child.pid, started + 1)  # the same id, started at another time
        child.kill()
        child.wait()
    assert not is_running(child.pid, started)
    assert not is_running(child.pid)
    assert [is_running(pid) for pid in (0, -1, 10**20)] == [False] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_a_process_that_was_stopped_is_told_from_one_that_waits() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as child:
        assert not is_stopped(child.pid)
        child.send_signal(signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        assert is_stopped(child.pid)
        assert is_running(child.pid)
        child.kill()
