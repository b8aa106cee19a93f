"""One world on disk: where everything lives, and the facts about it that every layer needs.

`marquee --home DIR` or `MARQUEE_HOME` (default `var/`) names the directory; several worlds live side by side.
Standard library only: the command line, training and serving all import it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from feature_repo.schema import HISTORY_LENGTH


class MarqueeError(Exception):
    """Whatever Marquee tells a person in one line, without a stack trace: the root of the tree.

    MarqueeError
    ├── HomeError            feature_repo/home.py       no world, no release: a command must run first
    ├── LakeError            feature_repo/lake.py       a file that cannot be read as what it should be
    ├── ValkeyError          feature_repo/valkey.py     the embedded online store does not start
    ├── FeatureStoreDown     feature_repo/reader.py     the online store does not answer
    ├── EventLogDown         feature_repo/stream/       the event log does not answer
    ├── NotFolded, BatchJobRunning                      ask again: the processor, or a batch job, is at it
    ├── SparkAbsent          feature_repo/jobs/         the extra is not installed
    ├── EncodingError        models/encoding.py         columns that are not what a model was trained on
    ├── ArtifactError        models/artifact.py         a release that is not what its manifest says
    ├── OffPolicyError       training/off_policy.py     a log or a policy that nothing can be estimated from
    ├── RowsError            training/score.py          rows to score that lack what scoring needs
    ├── FeedError            bento_services/errors.py   a query or a policy that cannot be answered
    ├── AuthError            bento_services/auth.py     an address that must not be served without keys
    ├── PackageError         bento_services/package.py
    └── ServiceError         bento_services/supervisor.py
    """


class HomeError(MarqueeError):
    """The home is not in the state that a command needs; the message names the command to run first."""


@dataclass(frozen=True)
class World:
    """Facts about a data set that training and serving must agree on; a release carries a copy.

    `clock_offset_seconds` is added to the wall clock to get the world's "now": 0 for a live world, negative for a data
    set recorded years ago, so that ages of videos at serving are what they were at training.
    """

    name: str
    source: str  # simulator | movielens | kuairand
    id_type: str  # int | str: how the source wrote its ids; inside Marquee ids are strings
    genres: tuple[str, ...]
    history_length: int = HISTORY_LENGTH
    clock_offset_seconds: float = 0.0
    example_user: str = ""

    def now_us(self) -> int:
        return int((time.time() + self.clock_offset_seconds) * 1_000_000)

    def source_id(self, marquee_id: str) -> int | str:
        return int(marquee_id) if self.id_type == "int" else marquee_id

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "genres": list(self.genres)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> World:
        return cls(**{**fields, "genres": tuple(fields["genres"])})


@dataclass(frozen=True)
class Home:
    root: Path

    @classmethod
    def open(cls, path: str | Path | None = None) -> Home:
        chosen = path or os.environ.get("MARQUEE_HOME") or "var"
        return cls(Path(chosen).expanduser().resolve())

    @property
    def lake(self) -> Path:
        return self.root / "lake"

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
        """Candidate models: what a training run wrote, before it became part of a release."""
        return self.root / "models"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def run(self) -> Path:
        """Process ids, ports, sockets and logs of what is running now."""
        return self.root / "run"

    def world(self) -> World:
        path = self.root / "world.json"
        if not path.exists():
            raise HomeError(
                f"no world at {self.root}: run `marquee simulate` or `marquee ingest movielens --path DIR` first"
            )
        return World.from_json(json.loads(path.read_text()))

    def write_world(self, world: World) -> None:
        write_atomic(self.root / "world.json", json.dumps(world.to_json(), indent=2) + "\n")


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the new one and never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def plain(value: Any) -> Any:
    """What `json.dumps` cannot say by itself (its `default`): paths, arrays and their scalars, dataclasses."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Give a new empty directory to fill; it takes the place of `path` only when the block ends without an error."""
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        retired = path.with_name(f".{path.name}.retired")
        shutil.rmtree(retired, ignore_errors=True)
        if path.exists():
            os.replace(path, retired)
        os.replace(temporary, path)
        shutil.rmtree(retired, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
