"""A forked child is a child of the supervisor, is waited for and signalled as one, and survives the fork server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from worlds.live import ROOT, eventually

from bento_services.process import forkserver
from bento_services.process.launch import ForkServer, Running, spawned

pytestmark = pytest.mark.skipif(not forkserver.is_possible(), reason="only Linux gives orphans to a process of choice")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[ForkServer, list[Running], int]]:
    output = os.open(os.devnull, os.O_WRONLY)
    server = ForkServer({**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"})
    running = [server.launch(output)]
    yield server, running, output
    running[-1].kill()
    running[-1].wait()
    server.close()
    os.close(output)


def test_a_forked_child_is_ours_and_outlives_the_fork_server(served: tuple[ForkServer, list[Running], int]) -> None:
    server, running, output = served
    launch = server.forked("sleeper", "worlds.sleeper", ["60"])
    child = launch(output)
    assert psutil.Process(child.pid).ppid() == os.getpid()
    eventually(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleeper\n")
    running[0].kill()
    assert running[0].wait() == -signal.SIGKILL
    with pytest.raises(OSError, match=r".*"):
        launch(output)
    assert psutil.Process(child.pid).is_running()
    running.append(server.launch(output))
    second = launch(output)
    for one in (child, second):
        one.kill()
        assert one.wait() == -signal.SIGKILL
        one.terminate()  # of one that has ended: nobody else is hit


def test_the_exit_status_of_a_forked_child_is_its_own(served: tuple[ForkServer, list[Running], int]) -> None:
    server, _, output = served
    assert server.forked("sleeper", "worlds.sleeper", ["--exit", "3"])(output).wait() == 3
    assert server.forked("sleeper", "worlds.sleeper", ["--raise", "1"])(output).wait() == 1


def test_a_forked_child_hears_the_numbers_of_its_descriptors(served: tuple[ForkServer, list[Running], int]) -> None:
    """They are not those of this process: there, a library may have a file under the same number, and close it."""
    server, _, output = served
    read, write = os.pipe()
    child = server.forked("sleeper", "worlds.sleeper", ["--say", "here"], {"--fd": write})(output)
    os.close(write)
    with open(read, "rb") as said:
        assert said.read() == b"here"
    assert child.wait() == 0


def test_no_orphan_is_adopted_but_the_forked_child(served: tuple[ForkServer, list[Running], int]) -> None:
    """It would stay as a zombie: nobody waits for the orphans that a browser, or a shell, leaves."""
    server, _, output = served
    child = server.forked("sleeper", "worlds.sleeper", ["60"])(output)
    shown = subprocess.run(["sh", "-c", "sleep 60 >&- 2>&- & echo $!"], capture_output=True, text=True, check=True)
    orphan = psutil.Process(int(shown.stdout))
    try:
        assert eventually(lambda: orphan.ppid() != os.getpid())
        assert orphan not in psutil.Process().children()
    finally:
        orphan.kill()
        child.kill()
        child.wait()


def test_a_spawned_child_gives_its_exit_status() -> None:
    output = os.open(os.devnull, os.O_WRONLY)
    assert spawned([sys.executable, "-S", "-c", "raise SystemExit(5)"], os.environ)(output).wait() == 5
    os.close(output)
    assert eventually(lambda: True)


def test_a_fork_server_that_is_stopped_is_killed(served: tuple[ForkServer, list[Running], int]) -> None:
    server, running, output = served
    server.forked("sleeper", "worlds.sleeper", ["--exit", "0"])(output).wait()
    os.kill(running[-1].pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        server.forked("sleeper", "worlds.sleeper", ["60"])(output)
    assert running[-1].wait() == -signal.SIGKILL
    running.append(server.launch(output))
    server.forked("sleeper", "worlds.sleeper", ["--exit", "0"])(output).wait()
