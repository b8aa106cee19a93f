"""Every process logs lines of one form, whoever reports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.core.logs import LogsConfig, encode, logger_of

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import logging, sys, threading, warnings
from pathlib import Path
import structlog
from feature_repo.core import logs
from feature_repo.core.home import Home
logs.configure("thing", Home(Path(sys.argv[1])) if len(sys.argv) > 1 else None)
report = structlog.get_logger("x")
report.warning("something", release_id="r-1", where=object)
report.debug("not asked for")
logging.getLogger("uvicorn.error").error("of a library %s", "x")
warnings.warn("careful")
def fail():
    viewer = "a-secret-viewer"
    raise ValueError("broken")
try:
    fail()
except ValueError as error:
    report.error("failed", exc_info=error)
thread = threading.Thread(target=fail, name="t"); thread.start(); thread.join()
fail()
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_reports_libraries_and_crashes_are_lines_of_one_form(tmp_path: Path) -> None:
    shown = run(str(tmp_path))
    assert (shown.returncode, shown.stdout, shown.stderr) == (1, "", "")
    lines = [json.loads(line) for line in (tmp_path / "run" / "logs" / "thing.log").read_text().splitlines()]
    assert [(line["level"], line["event"]) for line in lines[:2]] == [
        ("warning", "something"),
        ("error", "of a library x"),
    ]
    assert [line["event"] for line in lines[3:]] == ["failed", "thread ends", "process ends"]
    assert "careful" in lines[2]["event"]
    for line in lines:
        assert list(line)[:5] == ["time", "level", "process", "pid", "event"]
        assert line["time"].endswith("Z")
        assert line["process"] == "thing"
    assert all("ValueError: broken" in line["exception"] for line in lines[3:])
    assert "a-secret-viewer" not in str(lines)


def test_without_a_home_they_go_to_stderr() -> None:
    lines = [json.loads(line) for line in run().stderr.splitlines()]
    assert lines[0]["event"] == "something"
    assert lines[-1]["event"] == "process ends"


def test_a_logger_of_its_own_writes_into_the_home_whatever_the_process_does(tmp_path: Path) -> None:
    logger_of(Home(tmp_path), "supervisor").error("child ended", child="service")
    line = json.loads((tmp_path / "run" / "logs" / "supervisor.log").read_text())
    assert (line["process"], line["event"], line["child"]) == ("supervisor", "child ended", "service")


def test_whatever_a_record_holds_it_becomes_a_line() -> None:
    deep: list[object] = []
    deep.append(deep)
    assert json.loads(encode({"event": "x", "deep": deep, "number": 10**400}))["event"] == "'x'"
    assert json.loads(encode({"event": "\ud800"}))


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of debug, info"):
        LogsConfig(level="loud")
