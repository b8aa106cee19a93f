"""A child ends when its parent does, also when the parent is killed."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from feature_repo.core.processes import tied

PARENT = """
import subprocess, sys, time
from feature_repo.core.processes import tied
child = subprocess.Popen(tied([sys.executable, "-c", "import time; time.sleep(60)"]))
print(child.pid, flush=True)
time.sleep(60)
"""


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
    done = subprocess.run(tied([sys.executable, "-c", "print('hello'); raise SystemExit(3)"]), capture_output=True)
    assert (done.stdout, done.returncode) == (b"hello\n", 3)


def test_a_command_whose_parent_is_gone_already_does_not_start() -> None:
    command = tied([sys.executable, "-c", "print('hello')"])
    command[5] = "1"  # another parent than the one that starts it
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr.strip()) == ("", "the parent is gone")
    assert time.monotonic() - started < 10
