"""How a command ends: its status, and one line of what went wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from feature_repo.core.command_line import run
from feature_repo.core.errors import HomeError, MarqueeError
def app():
    {body}
run(app)
"""


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("print('done')", 0, ""),
        ("raise HomeError('no world here')", 2, "marquee: no world here\n"),
        ("raise MarqueeError('the gate failed')", 1, "marquee: the gate failed\n"),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(130)", 130, "marquee: stopped; run the same command to go on where it was\n"),
        ("import duckdb; duckdb.sql('SELECT 1').fetchall(); sys.exit(4)", 4, ""),
    ],
)
def test_a_command_ends_with_its_status_and_a_sentence(body: str, status: int, said: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(body=body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (status, said)
