"""The fork server imports what the others need, and starts no thread: only such a process is forked safely."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from worlds.live import ROOT

from bento_services.process import forkserver
from feature_repo.core.home import Home


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


def test_a_forked_service_has_next_to_nothing_left_to_import(untrained: Home) -> None:
    """Else a service that was killed imports for seconds before it gives a page."""
    program = (
        "import importlib, sys\n"
        "from bento_services.process.forkserver import PRELOADED\n"
        "for name in PRELOADED: importlib.import_module(name)\n"
        "before = set(sys.modules)\n"
        "from contextlib import ExitStack\n"
        "from bento_services.process.home_service import home_service\n"
        "from bento_services.process.open_engine import open_engine\n"
        "from bento_services.settings import Settings\n"
        "home_service(split=False).to_asgi()\n"
        "with ExitStack() as opened: open_engine(Settings.from_environment(), opened).warm_up()\n"
        "print(sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "MARQUEE_HOME": str(untrained.root)}
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    late = [name for name in ast.literal_eval(shown.stdout.splitlines()[-1]) if not name.startswith("onnxruntime")]
    assert len(late) < 20, late


def test_a_process_that_does_not_get_its_parent_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "ADOPTED_SECONDS", 0.0)
    with pytest.raises(SystemExit, match="the parent is gone"):
        forkserver._tie_to(1)
