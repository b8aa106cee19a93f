"""`marquee demo` as a user runs it: to the end, again, and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner
from worlds.pace import PATIENT

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from marquee import app
from models.release.artifact import load_release
from models.release.store import champion

MARQUEE = str(Path(sys.executable).with_name("marquee"))
WORLD = ["--users", "300", "--videos", "400", "--days", "14", "--end", "2026-11-21"]  # as tests/conftest.py makes it
SIZE = [*WORLD, "--http-port", "0", "--grpc-port", "0"]


def run(home: Path, *arguments: str, timeout: float = 150) -> subprocess.CompletedProcess[str]:
    command = [MARQUEE, *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that speak of this home or write in it."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "environ"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.pid != os.getpid() and (str(home) in line or (process.info["cwd"] or "").startswith(str(home))):
            found.append(line)
    return found


def half_written(home: Path) -> list[str]:
    """Temporary files and folders that an interrupted writer would have left.

    The checkpoint of a training that was interrupted is none of them: it is whole, and the next run goes on from it.
    """
    hidden = [path for path in home.rglob(".*") if path.name.startswith(".") and "valkey" not in path.parts]
    return [str(path) for path in hidden if path != home / "models" / ".two_tower.checkpoint"]


def test_a_second_run_resumes_talks_to_one_viewer_and_leaves_nothing_running(
    own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    shown = run(own_world, "demo", "--once", *SIZE)
    assert shown.returncode == 0, shown.stdout[-3000:] + shown.stderr[-3000:]
    assert shown.stdout.count("up to date") == 8
    assert "the page changed after" in shown.stdout
    assert "answered by full_funnel" in shown.stdout
    assert "Because you watched" in shown.stdout
    assert processes_of(own_world) == []


@pytest.mark.parametrize("after_seconds", [4.0, 9.0])
def test_an_interrupt_leaves_no_process_and_nothing_half_written(tmp_path: Path, after_seconds: float) -> None:
    home = tmp_path / "world"
    command = [MARQUEE, "demo", "--once", *SIZE, "--home", str(home)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(after_seconds)
    assert demo.poll() is None, "the demo was through before it could be interrupted"
    os.killpg(demo.pid, signal.SIGINT)  # what a terminal does: everyone in the group hears it
    _, error = demo.communicate(timeout=30)
    assert demo.returncode == 130, error.decode()[-3000:]
    assert "run the same command to resume" in error.decode()
    assert processes_of(home) == []
    assert half_written(home) == []


SWALLOWED = """
import os, signal, time
from feature_repo.core.command_line import redeliver_interrupts

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

redeliver_interrupts()
try:
    Finalized()
    time.sleep(60)
except KeyboardInterrupt:
    print("heard")
"""


def test_an_interrupt_that_a_finalizer_swallows_is_heard_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("heard\n", "", 0)


def test_the_verbs_answer_in_json_about_the_same_home(own_world: Path) -> None:
    import json

    status = json.loads(run(own_world, "status", "--json").stdout)
    assert status["champion"] == load_release(champion(Home.open(own_world))).release_id
    assert status["counts"]["users"] == 300
    page = json.loads(run(own_world, "recommend", status["example_user"], "-n", "12", "--json").stdout)
    assert len(page["recommendations"]) == 12
    assert page["served_by"] == "full_funnel"


@pytest.mark.parametrize("verb", ["features", "train", "evaluate", "promote", "serve", "report", "status", "package"])
def test_without_a_world_the_command_to_run_first_is_named(verb: str, tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, [verb, "--home", str(tmp_path / "empty")])
    assert isinstance(refused.exception, HomeError)
    assert "marquee simulate" in str(refused.exception)


def test_an_error_is_one_line_and_an_exit_status(tmp_path: Path) -> None:
    refused = run(tmp_path / "empty", "status")
    assert refused.returncode == 2
    assert refused.stderr.startswith("marquee: no world at")
    assert len(refused.stderr.splitlines()) == 1
