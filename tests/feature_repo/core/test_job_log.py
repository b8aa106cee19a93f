"""A verb that writes to a home leaves two lines in its log; one that reads leaves none, and no line names a viewer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from feature_repo.core.home import Home, World
from feature_repo.core.log_reader import read

ROOT = Path(__file__).resolve().parents[3]


def marquee(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "marquee.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_a_verb_did_is_in_the_log_of_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write_world(World("empty", "simulator", "str", ("Drama",)))
    refused = marquee("promote", "--rollback", "--home", str(tmp_path))
    assert refused.returncode == 2
    began, ended = read(home)
    assert (began["process"], began["event"], began["verb"], began["level"]) == ("jobs", "job began", "promote", "info")
    assert (ended["event"], ended["verb"], ended["status"], ended["level"]) == ("job ended", "promote", 2, "error")
    assert "nothing to go back to" in ended["error"]
    assert refused.stderr.startswith("marquee: ")


def test_a_verb_that_reads_writes_no_log(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write_world(World("empty", "simulator", "str", ("Drama",)))
    assert marquee("status", "--home", str(tmp_path)).returncode == 0
    assert not home.run.exists()
