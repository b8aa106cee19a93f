"""The revision of a checkout, and "" where there is none."""

import re
import subprocess
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


def test_only_a_change_of_what_runs_is_another_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "docs").mkdir()
    for name in ("docs/quality.md", "page.py"):
        (tmp_path / name).write_text("first\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    monkeypatch.setattr(revision, "ROOT", tmp_path)
    (tmp_path / "docs" / "quality.md").write_text("second\n")
    assert re.fullmatch(r"[0-9a-f]{12}", git_revision())
    (tmp_path / "page.py").write_text("second\n")
    assert re.fullmatch(r"[0-9a-f]{12}\+changes", git_revision())
