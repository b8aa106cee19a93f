"""One home with untrained models for all tests of the served whole; who changes it takes a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from worlds.untrained import untrained_home

from feature_repo.core.home import Home


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture(scope="module")
def own_home(untrained: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy for one module, with a server, a log and releases of its own."""
    copy: Path = tmp_path_factory.mktemp("own") / "home"
    shutil.copytree(untrained.root, copy)
    return Home(copy)
