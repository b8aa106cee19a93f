"""manifest.json of a release: what it is made of, in a form whose every byte is checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from feature_repo.core.errors import MarqueeError
from feature_repo.core.hashes import canonical
from feature_repo.core.home import World

MANIFEST = "manifest.json"
# What the id is the hash of. When it was made and where MLflow lists it do not make it another release.
CONTENT_FIELDS = ("files", "world", "feature_service", "cuts")


class ArtifactError(MarqueeError):
    """A release that is not what its manifest says; the message names the file."""


@dataclass(frozen=True)
class Cuts:
    """Instants in microseconds UTC: until t1 the two-tower model learned, until t2 the ranker; both were judged on
    what followed until the end."""

    t1_us: int
    t2_us: int
    end_us: int


@dataclass(frozen=True)
class Manifest:
    """`files`: path in the release -> sha256. `mlflow`: registered model -> version. A field that only another revision
    knows is checked with the rest, and not kept."""

    created: str  # ISO
    files: Mapping[str, str]
    world: World
    feature_service: str
    cuts: Cuts
    metrics: Mapping[str, Any] = field(default_factory=dict)  # of the evaluation
    mlflow: Mapping[str, Any] = field(default_factory=dict)
    release_id: str = ""

    def identified(self) -> Manifest:
        """With `r-` and 12 hexadecimal digits of the content's hash: the same content is the same release."""
        return replace(self, release_id=_content_id(self._fields()))

    def to_bytes(self) -> bytes:
        """The one way to write a manifest: with a checksum over all of it, so that no byte of it can change unseen."""
        return _sealed(self._fields())

    def _fields(self) -> dict[str, Any]:
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**own, "world": self.world.to_json(), "cuts": asdict(self.cuts)}

    @classmethod
    def read(cls, release: Path) -> Manifest:
        """Raises ArtifactError unless every byte of the manifest is as it was written."""
        file = release / MANIFEST
        try:
            raw = file.read_bytes()
            said: dict[str, Any] = json.loads(raw)
            sound = _sealed(said) == raw and _content_id(said) == said["release_id"]
            manifest = cls._of(said)
        except FileNotFoundError:
            raise ArtifactError(f"{file}: not there; {release} is not a release") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{file}: not a manifest ({error})") from None
        if not sound:
            raise ArtifactError(f"{file}: its checksum does not fit its content; the file was changed")
        return manifest

    @classmethod
    def _of(cls, said: Mapping[str, Any]) -> Manifest:
        own = {one.name: said[one.name] for one in fields(cls) if one.name in said}
        return cls(**{**own, "world": World.from_json(said["world"]), "cuts": Cuts(**said["cuts"])})


def _content_id(said: Mapping[str, Any]) -> str:
    content = {name: said[name] for name in CONTENT_FIELDS}
    return "r-" + hashlib.sha256(canonical(content)).hexdigest()[:12]


def _sealed(said: Mapping[str, Any]) -> bytes:
    body = {name: value for name, value in said.items() if name != "checksum"}
    return canonical({**body, "checksum": hashlib.sha256(canonical(body)).hexdigest()})
