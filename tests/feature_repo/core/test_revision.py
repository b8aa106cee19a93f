"""The revision of a checkout, and "" where there is none."""

import re
from pathlib import Path

import pytest

from feature_repo.core import revision
from feature_repo.core.revision import git_revision


def test_a_checkout_has_a_short_commit() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}(\+changes)?", git_revision())


def test_sources_outside_a_checkout_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "ROOT", tmp_path)
    assert git_revision() == ""


def test_a_machine_without_git_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_revision() == ""
