"""The examples are applied to a copy of the sources as they stand, cost what they say, and do what they say."""

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
EXAMPLES = ROOT / "examples"
SOURCES = ("feature_repo", "models", "training", "bento_services", "monitoring", "marquee.py", "pyproject.toml")
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())
MOST_LINES = 2  # an entry, and the import of what it names


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources that an example may change."""
    copy = tmp_path / "checkout"
    for name in (*SOURCES, "tests/worlds"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, copy / name)
    return copy


def apply(name: str, checkout: Path) -> None:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(checkout.parent)}
    command = ["git", "apply", str(EXAMPLES / name / "change.patch")]
    shown = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, f"{name}: the sources have changed under its patch\n{shown.stderr}"


def run(checkout: Path, *command: str, home: Path | None = None) -> str:
    paths = {"PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'tests'}"}
    environment = {**os.environ, **paths, **({"MARQUEE_HOME": str(home)} if home else {})}
    shown = subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert shown.returncode == 0, f"{command}\n{shown.stdout[-2000:]}{shown.stderr[-3000:]}"
    return shown.stdout


def test_there_is_an_example_of_every_kind_of_extension() -> None:
    kinds = {"source", "filter", "row", "surface", "handler", "ranker"}
    assert set(NAMES) == kinds | {f"feature_{kind}" for kind in ("profile", "window", "folded", "request")}
    listed = re.findall(r"^\| `(\w+)` \|", (EXAMPLES / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(listed) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_extension_costs_one_file_and_one_entry(name: str) -> None:
    patches = (EXAMPLES / name / "change.patch").read_text().split("diff --git ")[1:]
    new = [patch for patch in patches if "\nnew file mode" in patch]
    changed = [patch for patch in patches if patch not in new]
    assert (len(new), len(changed)) == (0 if name.startswith("feature") else 1, 1)
    if name.startswith("feature"):
        assert changed[0].count("\n@@ ") <= 2  # registration and computation
    else:
        assert len(re.findall(r"^\+(?!\+)", changed[0], flags=re.MULTILINE)) <= MOST_LINES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_does_what_it_says(name: str, checkout: Path) -> None:
    apply(name, checkout)
    run(checkout, "-m", "ruff", "check", "--quiet", *SOURCES[:5])
    assert run(checkout, "-W", "ignore", str(EXAMPLES / name / "check.py")).strip()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_feature_of_ones_own_is_trained_and_served(checkout: Path, own_world: Path) -> None:
    home = Home.open(own_world)
    before = champion(home)
    follow("feature_request", checkout, own_world)
    assert champion(home) != before
    assert "is_evening" in (champion(home) / "ranker" / "encoding.json").read_text()
    assert "is_evening" not in (before / "ranker" / "encoding.json").read_text()
    assert (checkout / "recommendations.parquet").exists()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_ranker_of_ones_own_is_trained_and_served(checkout: Path, own_world: Path) -> None:
    home = Home.open(own_world)
    before = champion(home)
    follow("ranker", checkout, own_world)
    after = champion(home)
    assert after != before
    sizes = [(release / "ranker" / "ranker.onnx").stat().st_size for release in (before, after)]
    assert sizes[1] < sizes[0]
    assert json.loads((after / "evaluation.json").read_text())["metrics"]["ranking"]["ranker"]["auc"] > 0.5


def follow(name: str, checkout: Path, home: Path) -> None:
    """Apply an example and run the commands that the README gives for serving it, in the patched sources."""
    apply(name, checkout)
    served = (EXAMPLES / "README.md").read_text().split("## A feature or a ranker of your own, served")[1]
    for line in "".join(re.findall(r"```sh\n(.*?)```", served, flags=re.DOTALL)).splitlines():
        program, *arguments = line.split()
        assert program == "marquee"
        run(checkout, str(checkout / "marquee.py"), *arguments, home=home)
