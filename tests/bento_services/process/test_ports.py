"""Where a home is served, as other processes read it: a file that may be stale, torn or somebody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bento_services.process.ports import Ports
from feature_repo.core.home import Home
from feature_repo.core.processes import started_at

STARTED = started_at(os.getpid())
PORTS = Ports("127.0.0.1", 8080, 8081, os.getpid(), STARTED)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.run.mkdir(parents=True)
    return made


def test_ports_are_read_as_they_were_written_and_gone_when_the_service_is(home: Home) -> None:
    assert Ports.read(home) is None
    with PORTS.written(home):
        assert Ports.read(home) == PORTS
    assert Ports.read(home) is None
    assert list(home.run.iterdir()) == []


def test_the_file_is_what_scripts_have_read_so_far(home: Home) -> None:
    with PORTS.written(home):
        assert json.loads((home.run / "ports.json").read_text()) == {
            "host": "127.0.0.1",
            "http_port": 8080,
            "grpc_port": 8081,
            "http_url": "http://127.0.0.1:8080",
            "pid": os.getpid(),
            "started": STARTED,
        }


def test_the_file_of_a_supervisor_that_was_killed_says_nothing(home: Home) -> None:
    dead = subprocess.Popen([sys.executable, "-S", "-c", ""])
    dead.wait()
    with Ports("127.0.0.1", 8080, 8081, dead.pid).written(home):
        assert Ports.read(home) is None


def test_the_file_of_a_supervisor_whose_process_id_another_got_says_nothing(home: Home) -> None:
    with Ports("127.0.0.1", 8080, 8081, os.getpid(), STARTED + 1).written(home):
        assert Ports.read(home) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"host": "127.0.0.1", "http_po',
        b"[]",
        b"null",
        b'{"host": "127.0.0.1"}',
        b'{"host": "h", "http_port": "no", "grpc_port": 1, "pid": 1, "started": 0}',
        b'{"host": "h", "http_port": 1, "grpc_port": 1, "pid": 0, "started": 0}',
        b'{"host": "h", "http_port": 1, "grpc_port": 1, "pid": 99999999999999999999, "started": 0}',
        b"\xff\xfe",
    ],
)
def test_a_file_that_is_torn_or_none_of_ours_says_nothing(home: Home, content: bytes) -> None:
    (home.run / "ports.json").write_bytes(content)
    assert Ports.read(home) is None


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert Ports("::1", 80, 81).http_url == "http://[::1]:80"
