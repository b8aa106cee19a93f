"""The tutorials are run as they stand: their patches onto a copy of the sources, their commands on a world."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from models.release.store import champion

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("feature_repo", "models", "training", "bento_services", "monitoring", "marquee.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources that a tutorial may change."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, copy / name)
    return copy


def blocks(title: str, language: str) -> list[str]:
    page = (ROOT / "docs" / "tutorials.md").read_text()
    section = page.split(f"## Tutorial: {title}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


def apply(patch: str, checkout: Path) -> None:
    """Apply a patch without line numbers: its old lines must stand in the file exactly once."""
    target = re.search(r"^\+\+\+ b/(\S+)", patch, flags=re.MULTILINE)
    assert target is not None
    file = checkout / target[1]
    _, hunk = patch.split("@@\n")
    old = "".join(line[1:] + "\n" for line in hunk.splitlines() if line[:1] in (" ", "-"))
    new = "".join(line[1:] + "\n" for line in hunk.splitlines() if line[:1] in (" ", "+"))
    before = file.read_text() if file.exists() else ""
    assert not old or before.count(old) == 1, f"{target[1]} has changed: the tutorial's lines are not in it"
    file.write_text(before.replace(old, new) if old else new)


def follow(title: str, checkout: Path, home: Path) -> None:
    """Apply the tutorial's patches and run its commands, in the patched sources."""
    for patch in blocks(title, "diff"):
        apply(patch, checkout)
    environment = {**os.environ, "PYTHONPATH": str(checkout), "MARQUEE_HOME": str(home)}
    for line in "".join(blocks(title, "sh")).splitlines():
        command = [sys.executable, str(checkout / "marquee.py"), *line.split()[1:]]
        assert line.split()[0] == "marquee"
        shown = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=170, check=False
        )
        assert shown.returncode == 0, f"{line}\n{shown.stdout[-2000:]}{shown.stderr[-3000:]}"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_add_a_feature(checkout: Path, own_world: Path) -> None:
    home = Home.open(own_world)
    before = champion(home)
    follow("add a feature", checkout, own_world)
    assert champion(home) != before
    assert "is_evening" in (champion(home) / "ranker" / "encoding.json").read_text()
    assert "is_evening" not in (before / "ranker" / "encoding.json").read_text()
    assert (checkout / "recommendations.parquet").exists()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_replace_the_ranker(checkout: Path, own_world: Path) -> None:
    home = Home.open(own_world)
    before = champion(home)
    follow("replace the ranker", checkout, own_world)
    after = champion(home)
    assert after != before
    sizes = [(release / "ranker" / "ranker.pt2").stat().st_size for release in (before, after)]
    assert sizes[1] < sizes[0]
    assert json.loads((after / "evaluation.json").read_text())["metrics"]["ranking"]["ranker"]["auc"] > 0.5
