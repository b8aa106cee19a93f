"""A home: one world on disk, the paths of its parts, and the facts about it that every layer needs.

`marquee --home DIR` or `MARQUEE_HOME` (default `var/`) names the directory; several worlds live side by side.
Imports no heavy library: the command line, training and serving all import it.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from feature_repo.core.errors import HomeError
from feature_repo.core.files import read_json, write_atomic
from feature_repo.core.moved_home import settle_record
from feature_repo.core.settings import MARQUEE_HOME
from feature_repo.core.world_swap import recover
from feature_repo.limits import EARLIEST_US, Clock
from feature_repo.schema import HISTORY_LENGTH


@dataclass(frozen=True)
class World:
    """Facts about a data set that training and serving must agree on; a release carries a copy.

    `clock_offset_seconds` is added to the wall clock to get the world's "now": 0 for a live world, negative for a data
    set recorded years ago, so that videos have the same ages in serving as in training. `first_day_us` is when its data
    begins (0: unknown): no event can be much older.
    """

    name: str
    source: str  # simulator | movielens | kuairand | table
    id_type: str  # int | str: the type of ids in the source; inside Marquee ids are strings
    genres: tuple[str, ...]
    history_length: int = HISTORY_LENGTH
    clock_offset_seconds: float = 0.0
    example_user: str = ""
    world_id: str = ""  # a hash of its tables as they were ingested; "" in worlds of older revisions
    made_from: str = ""  # a hash of the files or options that it was made from
    first_day_us: int = 0

    def clock(self) -> Clock:
        return Clock(self.now_us(), self.first_day_us)

    def now_us(self) -> int:
        return int((time.time() + self.clock_offset_seconds) * 1_000_000)

    def source_id(self, marquee_id: str) -> int | str:
        return int(marquee_id) if self.id_type == "int" else marquee_id

    def to_json(self) -> dict[str, Any]:
        fields = {**asdict(self), "genres": list(self.genres)}
        # A world of an older revision keeps the form in which it was written.
        newer = ("world_id", "made_from", "first_day_us")
        return {name: value for name, value in fields.items() if value or name not in newer}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> World:
        """Raises ValueError for a missing field or one of another type; ignores unknown fields."""
        return msgspec.convert(fields, cls)

    def is_other_than(self, world: World) -> bool:
        """Whether both have a world_id, and these differ."""
        return bool(self.world_id and world.world_id) and self.world_id != world.world_id


@dataclass(frozen=True)
class Home:
    root: Path

    @classmethod
    def open(cls, path: str | Path | None = None) -> Home:
        """The home in this directory, which need not exist yet; completes the swap of a crashed ingest, and
        updates records after a copy or move of the directory.

        Raises HomeError for a path with a backslash or unprintable characters, which other programs would misread, and
        for one that is or leads through something other than a directory.
        """
        chosen = path or MARQUEE_HOME.get()
        try:
            root = Path(chosen).expanduser().resolve()
        except RuntimeError as error:  # a loop of links, or ~ of a user that does not exist
            raise HomeError(f"expected a directory as home, found {str(chosen)!r}: {error}") from error
        if "\\" in str(root) or not str(root).isprintable():
            raise HomeError(f"expected a home whose path is printable and without a backslash, found {str(root)!r}")
        above = next((place for place in (root, *root.parents) if place.exists()), root)
        if above.exists() and not above.is_dir():
            raise HomeError(f"expected a directory as home, found a file: {above}")
        recover(root)
        settle_record(root)
        return cls(root)

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def cut(self) -> Path:
        """A snapshot of the lake, which jobs read (feature_repo/lake/cut.py)."""
        return self.root / "cut"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def feast(self) -> Path:
        return self.root / "feast"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def models(self) -> Path:
        """Models written by training, before they become part of a release."""
        return self.root / "models"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def rejected(self) -> Path:
        """Rejected rows with the reason: a folder per source."""
        return self.root / "rejected"

    @property
    def snapshot(self) -> Path:
        """The catalog as serving processes map it (feature_repo/store/snapshot_files.py)."""
        return self.root / "snapshot"

    @property
    def run(self) -> Path:
        """Pid files, ports, sockets and logs of running processes."""
        return self.root / "run"

    def world(self) -> World:
        path = self.root / "world.json"
        if not path.exists():
            raise HomeError(
                f"no world at {self.root}: run `marquee simulate` or `marquee ingest movielens --path DIR` first"
            )
        world = read_json(path, World.from_json, "the facts about a world", "simulate or ingest it again")
        return self._dated(world)

    def known_world(self) -> World | None:
        """The world, or None if the home does not have one yet."""
        return self.world() if (self.root / "world.json").exists() else None

    def write_world(self, world: World) -> None:
        write_atomic(self.root / "world.json", json.dumps(self._dated(world).to_json(), indent=2) + "\n")

    def _dated(self, world: World) -> World:
        """The world with `first_day_us`, derived from the lake's folders if an older revision left it out."""
        if world.first_day_us:
            return world
        days = sorted(day.name.removeprefix("day=") for day in self.lake.glob("*/day=*"))
        for day in days:
            with suppress(ValueError):
                first_us = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1_000_000
                if first_us >= EARLIEST_US:  # else an invalid event that an older revision let through
                    return replace(world, first_day_us=first_us)
        return world
