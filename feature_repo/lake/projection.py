"""The lake's videos are a projection of the catalog: written anew when a cut is taken and the catalog has changed.

    HOME/lake/videos.parquet    its metadata says of which version of the catalog it is. Without: as it was ingested

A home of before the catalog has only that file, whose valid rows are taken over by whoever needs the catalog first.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from feature_repo.catalog.bulk import completed, export, replace_all
from feature_repo.catalog.database import Database
from feature_repo.catalog.errors import CatalogAbsent
from feature_repo.catalog.open import FILE, database_of, lacks, open_catalog
from feature_repo.catalog.store import CatalogStore
from feature_repo.core.home import Home, World
from feature_repo.lake.soundness import Found, examined
from feature_repo.lake.tables import CATALOG_VERSION, Lake, LakeError

WHO = "marquee: the lake of an older revision"

report = structlog.get_logger("catalog")


def home_catalog(home: Home) -> CatalogStore:
    """The catalog of the home's world, with its videos.

    Raises ForeignCatalog for a database of another home; LakeError where the lake of an older revision has no valid
    video; NewerCatalog, CatalogDown, FileError; HomeError without a world.
    """
    world = home.world()
    database = database_of(home)
    try:
        if lacks(database, world):
            _take_over(home, world, database)
    except BaseException:
        database.close()
        raise
    return CatalogStore(database, world.now_us)


def project(home: Home) -> None:
    """Bring the lake's videos up to the catalog's version. Raises as `home_catalog`; nothing without a world."""
    if home.known_world() is None:
        return
    catalog = home_catalog(home)
    try:
        if is_behind(home, catalog):
            table, version = export(catalog.database)
            Lake(home).write_videos(table, version)
    finally:
        catalog.close()


def has_moved_on(home: Home) -> bool:
    """Whether the catalog has changed since the lake's videos were written; writes nothing."""
    if home.known_world() is None or not (home.root / FILE).exists():
        return False
    try:
        catalog = open_catalog(home)
    except CatalogAbsent:
        return True
    try:
        return is_behind(home, catalog)
    finally:
        catalog.close()


def is_behind(home: Home, catalog: CatalogStore) -> bool:
    """Whether the lake's videos are older than the catalog, or cannot be read."""
    path = Path(Lake(home).videos_path)
    try:
        written = projected_version(path)
    except (OSError, ValueError, pa.ArrowException):
        return True
    if written is None:
        return not catalog.is_as_ingested()
    return written != catalog.version()


def projected_version(path: Path) -> int | None:
    """The version of the catalog that a file of videos is of; None if it is as it was ingested."""
    found = (pq.read_schema(path).metadata or {}).get(CATALOG_VERSION)
    return int(found) if found else None


def _take_over(home: Home, world: World, database: Database) -> None:
    """The lake's videos into a catalog that lacks them. Of two processes at once, one does it."""
    path = Path(Lake(home).videos_path)
    if not path.exists():
        Lake(home).videos()  # raises HomeError, which says how to get some
    found = examined("videos", path, world.clock())
    rows = found.found if found.sound is None else found.sound
    if found.faults and (rows is None or not len(rows)):
        raise LakeError(_no_row(home, found))
    if found.rejected:
        report.warning("videos outside the limits were not taken over into the catalog", rows=found.rejected)
    version = projected_version(path)
    if version is not None:
        report.warning("the catalog is gone, and begins anew with the lake's videos", version=version)
    replace_all(database, completed(rows), WHO, world.world_id, unless_held=True, least_version=version or 0)


def _no_row(home: Home, found: Found) -> str:
    fault = found.faults[0]
    return (
        f"{home.lake}: no row of videos can be used: as {fault.field} of videos.parquet, expected {fault.expected}; "
        "fix or remove what is wrong there, or ingest again"
    )
