"""Read the protocol files of training/configs: found by name, a heading common to all kinds, fields as dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from feature_repo.core.errors import HomeError
from feature_repo.core.toml import read_as, read_toml

Kind = TypeVar("Kind")
CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@dataclass(frozen=True)
class Heading:
    """The fields that every protocol file has."""

    name: str
    kind: str
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith(".") or Path(self.name).name != self.name:
            raise ValueError(f"name: expected one that a folder can have, found {self.name!r}")
        if min(self.seeds, default=0) < 0:
            raise ValueError(f"seeds: expected none below 0, found {min(self.seeds)}")


def read_protocol(file: str) -> dict[str, Any]:
    """The fields of a protocol: a file of training/configs by its name, or any path. Raises HomeError."""
    path = Path(file) if Path(file).suffix == ".toml" else CONFIGS / f"{file}.toml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in CONFIGS.glob("*.toml")))
        raise HomeError(f"no protocol {file}: expected one of {known}, or the path of a TOML file")
    content = read_toml(path)
    try:
        read_as(Heading, {name: content[name] for name in ("name", "kind", "seeds") if name in content})
    except ValueError as error:
        raise HomeError(f"{path}: {error}") from error
    return content


def declared(cls: type[Kind], content: Mapping[str, Any], kind: str) -> Kind:
    """A protocol file as the dataclass of its kind. Raises HomeError with protocol, key, expected and found values."""
    try:
        if content.get("kind") != kind:
            raise ValueError(f"kind: expected {kind!r}, found {content.get('kind')!r}")
        protocol: Kind = read_as(cls, {name: value for name, value in content.items() if name != "kind"})
        return protocol
    except (TypeError, ValueError) as error:
        raise HomeError(f"protocol {content.get('name', '')}: {error}") from error
