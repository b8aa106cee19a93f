"""Installs a new world in a home: read completely, written to a separate folder, then swapped for the old one.

On any failure before the swap (a bad row, a full disk, Ctrl-C, kill -9) the home is unchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.catalog.bulk import completed, replace_all
from feature_repo.catalog.config import CATALOG
from feature_repo.catalog.open import announce_world, new_file
from feature_repo.core.errors import MarqueeError, Refused
from feature_repo.core.hashes import canonical, sha256_of
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.serving_lock import is_served
from feature_repo.core.settings import REDIS_URL, read
from feature_repo.core.steps import Result
from feature_repo.core.world_swap import building, commit
from feature_repo.ingest.rejected import MaxRejected, Rejected
from feature_repo.lake.projection import home_catalog
from feature_repo.lake.tables import Lake

STORE_SECONDS = 5.0  # timeout of an external store


class WorldExists(Refused):
    """The home holds another world, or serves one; the message says how to proceed."""


@dataclass(frozen=True)
class NewWorld:
    """A world as read by an ingester, not yet in a home."""

    world: World  # without its id
    videos: pa.Table
    users: pa.Table
    events: pa.Table
    impressions: pa.Table
    summary: Mapping[str, Any]  # the reader's summary

    @property
    def tables(self) -> dict[str, pa.Table]:
        return {name: getattr(self, name) for name in ("videos", "users", "events", "impressions")}


@dataclass(frozen=True)
class IngestOptions:
    """How a new world is installed."""

    replace: bool = False  # replace another world and everything derived from it
    set_aside: bool = False  # reject bad rows instead of the whole source
    most: MaxRejected = field(default_factory=MaxRejected)


def install_world(
    home: Home,
    made_from: Mapping[str, Any],
    make: Callable[[Rejected], NewWorld],
    ingest_options: IngestOptions = IngestOptions(),
    progress: Progress = SILENT,
) -> Result:
    """Install the world that `make` reads. `made_from`: everything that determines it.

    If the home already holds the same world, nothing changes, not even what serving has added since. Raises WorldExists
    for another world unless it is to be replaced, and whatever `make` raises.
    """
    source = hashlib.sha256(canonical(made_from)).hexdigest()
    rejected = Rejected(ingest_options.set_aside, ingest_options.most)
    _check_unserved(home)
    try:
        with building(home.root) as folder:
            _check_free(home, source, ingest_options.replace)
            made = make(rejected)
            with progress.task("checking the tables"):
                world = replace(made.world, world_id=world_id(made), made_from=source)
            summary = {**made.summary, "world_id": world.world_id, **rejected.summary()}
            old = None if ingest_options.replace else home.known_world()
            if old is not None:
                if old.world_id != world.world_id:
                    raise WorldExists(_taken(home, old))
                return {**summary, "unchanged": True}
            beside = Home(folder)
            videos = completed(made.videos)
            with progress.task("writing the catalog"):
                _write_catalog(home, folder, videos, world)
            with progress.task("writing the lake"):
                Lake(beside).replace(**{**made.tables, "videos": videos})
                rejected.write(beside.rejected / world.source)
                beside.write_world(world)
            _check_free(home, source, ingest_options.replace)
            _clear_store(home)
            commit(home.root)
            _hand_over(home)
    except OSError as error:
        raise MarqueeError(f"cannot install a world in {home.root}: {error}; nothing was changed") from error
    return {**summary, "unchanged": False}


def world_id(made: NewWorld) -> str:
    """`w-` and a hash of the tables and of the facts that training reads: equal data is the same world."""
    content = hashlib.sha256()
    facts = {"source": made.world.source, "genres": made.world.genres, "history_length": made.world.history_length}
    content.update(canonical(facts))
    for table in made.tables.values():
        with pa.ipc.new_stream(_Hashed(content), table.schema) as stream:
            stream.write_table(table.combine_chunks())
    return f"w-{content.hexdigest()[:12]}"


def files_read(files: Iterable[Path]) -> dict[str, str]:
    """Name -> content hash of the files that exist, from which a world is made."""
    return {file.name: sha256_of(file) for file in files if file.is_file()}


def _check_free(home: Home, source: str, may_replace: bool) -> None:
    """Raises WorldExists while the home is served, or if it holds a world not made from `source`."""
    _check_unserved(home)
    old = None if may_replace else home.known_world()  # --replace fixes a world.json that cannot be read
    if old is not None and old.made_from != source:
        raise WorldExists(_taken(home, old))


def _check_unserved(home: Home) -> None:
    if _is_served(home):
        raise WorldExists(
            f"{home.root} is being served, or a command uses its online store: stop `marquee serve`, or wait, before "
            "installing a world"
        )


def _taken(home: Home, old: World) -> str:
    return (
        f"{home.root} holds the world {old.name} ({old.source}), and this is another: choose another --home, or "
        f"--replace it, which removes its lake, features, models, releases, reports and online state"
    )


def _write_catalog(home: Home, folder: Path, videos: pa.Table, world: World) -> None:
    """Into a file that is swapped with the world; a catalog on a server is only told what comes."""
    config = read(CATALOG, home.root)
    if config.url:
        announce_world(home, world)
        return
    with new_file(folder, config) as database:
        replace_all(database, videos, f"ingest {world.source}", world.world_id)


def _hand_over(home: Home) -> None:
    """A catalog on a server takes the new world's videos in one transaction."""
    if read(CATALOG, home.root).url:
        home_catalog(home).close()


def _clear_store(home: Home) -> None:
    """Take the old world's online state out of a store that is not part of the home, which would outlive it.

    Before the exchange: a store without state makes plain pages until `marquee features`, one of another world wrong
    ones. Raises StoreDown.
    """
    if not (url := REDIS_URL.get()) or not (home.root / "world.json").exists():
        return
    from feature_repo.store.connect import connect
    from feature_repo.store.online_state import clear

    client = connect(url, timeout_seconds=STORE_SECONDS)
    try:
        clear(client)
    finally:
        client.close()


def _is_served(home: Home) -> bool:
    from feature_repo.store.valkey_server import embedded_url

    return embedded_url(home) is not None or is_served(home)


class _Hashed:
    """A file object that only hashes what is written to it."""

    closed = False

    def __init__(self, content: Any) -> None:
        self._content = content

    def write(self, data: bytes) -> int:
        self._content.update(data)
        return len(data)

    def flush(self) -> None:
        pass
