"""A home with an empty catalog, ready for changes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from worlds.by_hand import WORLD

from feature_repo.catalog.bulk import SCHEMA, replace_all
from feature_repo.catalog.open import database_of
from feature_repo.core.home import Home


def catalog_home(directory: Path) -> Home:
    home = Home(directory)
    directory.mkdir(parents=True, exist_ok=True)
    home.write_world(WORLD)
    add_catalog(home)
    return home


def add_catalog(home: Home) -> None:
    with closing(database_of(home)) as database:
        replace_all(database, SCHEMA.empty_table(), "test", home.world().world_id)
