"""The `feast` program reads the registry of a home, or says in one line why not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.core.revision import ROOT
from feature_repo.core.settings import MARQUEE_HOME
from feature_repo.store.feast_registry import apply_definitions


def feast(checkout: Path, home: Path | None, *verb: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != MARQUEE_HOME.name}
    environment |= {"PYTHONPATH": str(checkout), **({MARQUEE_HOME.name: str(home)} if home else {})}
    command = [str(Path(sys.executable).with_name("feast")), "-c", "feature_repo", *(verb or ("feature-views", "list"))]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "feature_repo", place / "feature_repo", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def test_without_a_variable_it_is_the_default_home_of_the_checkout(checkout: Path) -> None:
    missing = feast(checkout, None)
    assert (missing.returncode, missing.stderr.splitlines()[-1]) == (
        1,
        f"Error: no home at {checkout / 'var'}: set MARQUEE_HOME to the directory of a world",
    )
    apply_definitions(Home(checkout / "var"))
    assert "user_profile" in feast(checkout, None).stdout
    assert not (checkout / "feature_repo" / "var").exists()


def test_a_torn_registry_is_one_line(checkout: Path, tmp_path: Path) -> None:
    apply_definitions(Home(tmp_path))
    registry = tmp_path / "feast" / "registry.db"
    registry.write_bytes(registry.read_bytes()[:101])
    said = feast(checkout, tmp_path)
    assert (said.returncode, "Traceback" in said.stderr) == (1, False)
    assert said.stderr.splitlines()[-1].startswith(f"Error: {registry}: expected a registry of Feast, found: ")


def test_a_plan_says_that_nothing_has_changed_where_nothing_has(checkout: Path, tmp_path: Path) -> None:
    apply_definitions(Home(tmp_path))
    said = feast(checkout, tmp_path, "plan")
    assert said.returncode == 0, said.stderr
    assert "No changes to registry" in said.stdout
