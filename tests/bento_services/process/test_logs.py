"""Logs are JSON lines on stderr, without the values of variables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import structlog
from bento_services.process import logs
logs.configure()
report = structlog.get_logger("x")
report.warning("something", release_id="r-1", where=object)
def fail():
    viewer = "a-secret-viewer"
    raise ValueError("broken")
try:
    fail()
except ValueError as error:
    report.error("failed", exc_info=error)
"""


def test_an_event_is_one_line_and_a_traceback_names_no_viewer() -> None:
    shown = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == ""
    first, second = (orjson.loads(line) for line in shown.stderr.splitlines())
    assert (first["event"], first["level"], first["release_id"]) == ("something", "warning", "r-1")
    assert first["timestamp"].endswith("Z")
    assert "ValueError: broken" in second["exception"]
    assert "a-secret-viewer" not in second["exception"]
