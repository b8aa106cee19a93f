"""The catalog of a home is opened on first use, once, and anew when the home has another world."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from worlds.by_hand import WORLD
from worlds.catalog import catalog_home

from bento_services.catalog.opened import HomeCatalog
from feature_repo.catalog.errors import CatalogAbsent
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home


def test_it_is_opened_once_and_after_a_failure_again(tmp_path: Path) -> None:
    with closing(HomeCatalog(Home(tmp_path))) as opened:
        with pytest.raises(HomeError, match="no world"):
            opened.store()
        Home(tmp_path).write_world(WORLD)
        with pytest.raises(CatalogAbsent):
            opened.store()
        catalog_home(tmp_path)
        store = opened.store()
        assert opened.store() is store


def test_another_world_is_another_catalog(tmp_path: Path) -> None:
    home = catalog_home(tmp_path)
    with closing(HomeCatalog(home)) as opened:
        store = opened.store()
        store.put({"video_id": "v1", "title": "Paper Orbit", "duration_seconds": 60}, "test")
        assert opened.store() is store  # a change is no other world
        home.write_world(WORLD)
        assert opened.store() is not store
        assert opened.store().known(["v1"]) == {"v1"}


def test_without_a_home_it_says_so() -> None:
    with pytest.raises(HomeError, match="started without a home"):
        HomeCatalog(None).store()


def test_a_service_starts_without_the_libraries_of_the_database() -> None:
    modules = "bento_services.http.app", "bento_services.rpc.service", "bento_services.process.open_engine"
    script = f"import sys, {', '.join(modules)}; print({{'sqlalchemy', 'alembic', 'psycopg'}} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
