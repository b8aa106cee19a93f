"""The fork server imports what the others need, and starts no thread: only such a process is forked safely."""

from __future__ import annotations

import subprocess
import sys

import pytest
from worlds.live import ROOT

from bento_services.process import forkserver


def test_what_it_imports_starts_no_thread() -> None:
    program = (
        "import importlib, threading\n"
        "from bento_services.process.forkserver import PRELOADED\n"
        "for name in PRELOADED: importlib.import_module(name)\n"
        "print(threading.active_count())"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["1"]


def test_a_process_that_does_not_get_its_parent_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "ADOPTED_SECONDS", 0.0)
    with pytest.raises(SystemExit, match="the parent is gone"):
        forkserver._tie_to(1)
