"""The demo is every layer's work in order; what it does is shown by tests/e2e/test_demo.py."""

from pathlib import Path

import pytest

from feature_repo.core.home import Home
from monitoring import demo


def test_what_was_asked_for_reaches_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[Home, int, int, bool]] = []
    made: list[object] = []
    monkeypatch.setattr(
        "training.release.run.prepare_world", lambda making, steps, world, page, report: made.append(world)
    )
    monkeypatch.setattr("training.cli.print_prepared", lambda steps, promoted: None)
    monkeypatch.setattr("bento_services.process.demo.converse", lambda *asked: served.append(asked))
    demo.demonstrate(tmp_path, {"users": 60, "videos": 100, "days": None, "end": ""}, False, 0, 1, True)
    assert served == [(Home.open(tmp_path), 0, 1, True)]
    assert len(made) == 1
