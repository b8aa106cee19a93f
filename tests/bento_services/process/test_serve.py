"""The serving process: what its command line tells the service, and when it gives up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bento_services.process import serve

ROOT = Path(__file__).resolve().parents[3]
# Where uvicorn would listen: says what it was given and ends.
PROGRAM = """
import sys, uvicorn
started = sys.argv.pop(1) == "starts"
class Server(uvicorn.Server):
    def run(self, sockets):
        self.started = started
        from bento_services.settings import Settings
        told = Settings.from_environment()
        print(self.config.host, self.config.port, told.home.root, told.grpc_port, told.insecure, sockets)
uvicorn.Server = Server
from bento_services.process.serve import main
main(sys.argv[1:])
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MARQUEE_")}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def test_the_service_is_told_what_the_command_line_says(tmp_path: Path) -> None:
    options = ["--home", str(tmp_path), "--host", "0.0.0.0", "--http-port", "1234", "--grpc-port", "99", "--insecure"]
    shown = run("starts", *options)
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert shown.stdout.split() == ["0.0.0.0", "1234", str(tmp_path), "99", "True", "None"]


def test_a_service_that_did_not_start_is_a_failed_process(tmp_path: Path) -> None:
    shown = run("fails", "--home", str(tmp_path))
    assert shown.returncode == 3, shown.stderr[-2000:]
    assert shown.stdout.split()[:2] == ["127.0.0.1", "8080"]


def test_a_process_whose_parent_is_gone_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([7, 7, 1])
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    serve._follow_parent(7)
    assert sent == [(os.getpid(), signal.SIGTERM)]
