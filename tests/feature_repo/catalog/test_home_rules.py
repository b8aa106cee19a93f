"""Whoever follows the rules of a home asks often, and cheaply."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from worlds.by_hand import WORLD
from worlds.catalog import catalog_home
from worlds.postgres import new_database

from feature_repo.catalog import open as opening
from feature_repo.catalog.database import Database
from feature_repo.catalog.home_rules import HomeRules
from feature_repo.catalog.rule_store import RuleStore
from feature_repo.core.home import Home

BLOCK = {"rule_id": "r1", "kind": "block", "video_ids": ["v1"]}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """Every database that is opened."""
    found: list[Database] = []
    really = opening.database_of

    def noted(home: Home) -> Database:
        found.append(really(home))
        return found[-1]

    monkeypatch.setattr(opening, "database_of", noted)
    return found


def test_a_server_stays_connected_from_one_look_to_the_next(
    tmp_path: Path, postgres_server: str, opened: list[Database]
) -> None:
    home = Home(tmp_path)
    home.write_world(WORLD)
    (home.root / "marquee.toml").write_text(f'[catalog]\nurl = "{new_database(postgres_server)}"\n')
    rules, backends = HomeRules(home), set()
    for _ in range(3):
        assert rules.version() == 0
        with opened[0].reading() as connection:
            backends.add(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
    assert (len(opened), len(backends)) == (1, 1)
    rules.close()
    assert opened[0].engine.pool.status().startswith("Pool size: 5  Connections in pool: 0")


def test_a_file_is_looked_at_by_what_comes_with_python(tmp_path: Path, opened: list[Database]) -> None:
    home = catalog_home(tmp_path / "home")
    rules = HomeRules(home)
    assert rules.version() == 0
    assert opened == []
    with opening.open_database(home) as database:
        store = RuleStore(database)
        with pytest.raises(Exception, match="v1"):
            store.put(BLOCK, "test")
        store.put({**BLOCK, "video_ids": [], "genres": ["Drama"]}, "test")
    assert rules.version() == 1
    version, found, _ = rules.read()
    assert (version, [rule.rule_id for rule in found]) == (1, ["r1"])
    rules.close()
