"""Opens the catalog of a home: in PostgreSQL where a URL is set, else HOME/catalog.db."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from feature_repo.catalog.config import CATALOG as SECTION
from feature_repo.catalog.config import CatalogConfig
from feature_repo.catalog.database import Database, postgres_database, sqlite_database
from feature_repo.catalog.errors import CatalogAbsent, ForeignCatalog
from feature_repo.catalog.store import CatalogStore
from feature_repo.catalog.tables import CATALOG
from feature_repo.core.home import Home, World
from feature_repo.core.settings import read

FILE = "catalog.db"  # in the home


def open_catalog(home: Home) -> CatalogStore:
    """The catalog of the home's world, its tables brought up to date.

    Raises CatalogAbsent where no videos were taken over into it yet, which `feature_repo.lake.projection.home_catalog`
    does; ForeignCatalog for a database of another home; NewerCatalog, CatalogDown, FileError, HomeError.
    """
    world = home.world()
    catalog = CatalogStore(database_of(home), world.now_us)
    try:
        if lacks(catalog.database, world):
            raise CatalogAbsent(
                f"the videos of {home.root} are not in its catalog yet: `marquee videos list` takes them over"
            )
    except BaseException:
        catalog.close()
        raise
    return catalog


def database_of(home: Home) -> Database:
    """The home's database with its tables, whatever it holds. Raises as `open_catalog`."""
    config = read(SECTION, home.root)
    database = postgres_database(config) if config.url else sqlite_database(home.root / FILE, config)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def lacks(database: Database, world: World) -> bool:
    """Whether the videos of this world have to be taken over first. Raises ForeignCatalog.

    A file belongs to its home, whatever world it holds; a database of a server may be another home's.
    """
    with database.reading() as connection:
        held, arriving = connection.execute(sa.select(CATALOG.c.world_id, CATALOG.c.arriving_world_id)).one()
    if held == world.world_id:
        return False
    if held is None or database.is_sqlite or arriving == world.world_id:
        return True
    raise ForeignCatalog(
        f"{database.called}: expected the catalog of the world {world.world_id}, found that of {held}: give each home "
        f"its own database ([{SECTION.name}] url)"
    )


def announce_world(home: Home, world: World) -> None:
    """Before a world comes into a home whose catalog is on a server: the catalog will take over its videos.

    The videos follow in one transaction after the home has changed worlds; a crash in between is made good by whoever
    opens the catalog next. Raises as `open_catalog`.
    """
    config = read(SECTION, home.root)
    if not config.url:
        return
    with open_database(home) as database, database.writing() as connection:
        connection.execute(sa.update(CATALOG).values(arriving_world_id=world.world_id))


@contextmanager
def open_database(home: Home) -> Iterator[Database]:
    database = database_of(home)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def new_file(folder: Path, config: CatalogConfig = CatalogConfig()) -> Iterator[Database]:
    """An empty catalog in a folder that becomes part of a home when it is complete; the file then stands alone."""
    path = folder / FILE
    building = sqlite_database(path, config, building=True)
    try:
        building.prepare()
        yield building
    finally:
        building.close()
    settled = sqlite_database(path, config)  # from now on with a write-ahead log, which closing folds into the file
    try:
        settled.prepare()
    finally:
        settled.close()
