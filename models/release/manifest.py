"""manifest.json of a release: its files, world and metrics, protected by a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import WRONG_CONTENT, one_line
from feature_repo.core.hashes import canonical, sha256_of
from feature_repo.core.home import World

MANIFEST = "manifest.json"
# The release id is a hash of these; creation time and MLflow versions do not affect it.
CONTENT_FIELDS = ("files", "world", "feature_service", "cuts")


class ArtifactError(MarqueeError):
    """A release that does not match its manifest; the message names the file."""


@dataclass(frozen=True)
class Cuts:
    """The moments in microseconds UTC that split the data: the two-tower model was trained on data before t1, the
    ranker on t1 to t2; both were evaluated on t2 to the end."""

    t1_us: int
    t2_us: int
    end_us: int


@dataclass(frozen=True)
class Manifest:
    """`files`: path in the release -> sha256. `mlflow`: registered model -> version. Unknown fields, of other revisions
    of Marquee, are covered by the checksum and otherwise ignored."""

    created: str  # ISO
    files: Mapping[str, str]
    world: World
    feature_service: str
    cuts: Cuts
    metrics: Mapping[str, Any] = field(default_factory=dict)  # of the evaluation
    mlflow: Mapping[str, Any] = field(default_factory=dict)
    release_id: str = ""
    is_trained: bool = (
        True  # False: a first release (training/release/first.py), with neither two-tower model nor ranker
    )

    def identified(self) -> Manifest:
        """The manifest with its release id: `r-` and 12 hex digits of the content's hash."""
        return replace(self, release_id=_content_id(self._fields()))

    def to_bytes(self) -> bytes:
        """The content of the file, with a checksum over all of it."""
        return _sealed(self._fields())

    def _fields(self) -> dict[str, Any]:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        if self.is_trained:  # as in manifests from before there were others
            del values["is_trained"]
        return {**values, "world": self.world.to_json(), "cuts": asdict(self.cuts)}

    @classmethod
    def read(cls, release: Path) -> Manifest:
        """Raises ArtifactError unless the manifest is intact."""
        file = release / MANIFEST
        try:
            raw = file.read_bytes()
            content: dict[str, Any] = json.loads(raw)
            sound = _sealed(content) == raw and _content_id(content) == content["release_id"]
            manifest = cls._of(content)
        except FileNotFoundError:
            raise ArtifactError(f"{file}: does not exist; {release} is not a release") from None
        except (OSError, *WRONG_CONTENT) as error:
            raise ArtifactError(f"{file}: not a manifest ({one_line(error)})") from None
        if not sound:
            raise ArtifactError(f"{file}: its checksum does not match its content; the file was changed")
        return manifest

    @classmethod
    def _of(cls, content: Mapping[str, Any]) -> Manifest:
        known = {one.name: content[one.name] for one in fields(cls) if one.name in content}
        return cls(**{**known, "world": World.from_json(content["world"]), "cuts": Cuts(**content["cuts"])})


def verify_files(release: Path) -> Manifest:
    """The manifest, after verifying every file that it lists. Raises ArtifactError naming the file at fault.

    Imports no model library, which keeps a rollback fast; `artifact.verify` also checks which files are listed.
    """
    manifest = Manifest.read(release)
    if release.name.startswith("r-") and release.name != manifest.release_id:
        raise ArtifactError(f"{release / MANIFEST}: this is release {manifest.release_id}, not {release.name}")
    for name, expected in manifest.files.items():
        file = release / name
        if not file.is_file():
            raise ArtifactError(f"{file}: listed in the manifest but missing (rebuild with `marquee promote`)")
        if (found := sha256_of(file)) != expected:
            raise ArtifactError(f"{file}: expected sha256 {expected[:12]}…, found {found[:12]}…; the file was changed")
    return manifest


def _content_id(content: Mapping[str, Any]) -> str:
    identifying = {name: content[name] for name in CONTENT_FIELDS}
    return "r-" + hashlib.sha256(canonical(identifying)).hexdigest()[:12]


def _sealed(content: Mapping[str, Any]) -> bytes:
    body = {name: value for name, value in content.items() if name != "checksum"}
    return canonical({**body, "checksum": hashlib.sha256(canonical(body)).hexdigest()})
