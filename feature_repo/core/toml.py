"""Reads TOML into dataclasses, with errors that name the key, what was expected and what was found."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from feature_repo.core.files import reading

Config = TypeVar("Config")


def read_toml(path: Path, expected: str = "TOML", fix: str = "fix it") -> dict[str, Any]:
    """The tables of a file. Raises FileError, or HomeError if it does not exist, naming the file."""
    with reading(path, expected, fix):
        return tomllib.loads(path.read_bytes().decode())


def read_as(hint: Any, value: Any, key: str = "") -> Any:
    """Convert a TOML value to an annotated type: tables to dataclasses, lists to tuples, ISO times to datetimes (UTC
    unless they name a zone).

    Raises ValueError naming the key, what was expected and what was found. `key` is the path of `value` in its file.
    """
    if is_dataclass(hint) and isinstance(value, Mapping):
        return _dataclass(hint, value, f"{key}." if key else "")
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(read_as(get_args(hint)[0], part, f"{key}[{at}]") for at, part in enumerate(value))
    try:
        if hint is datetime:
            moment = datetime.fromisoformat(str(value))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return msgspec.convert(value, hint)
    except ValueError:  # msgspec's error is one
        raise ValueError(f"{key}: expected {_words(hint)}, found {value!r}") from None


def read_over(config: Config, table: Mapping[str, Any], key: str = "") -> Config:
    """A copy of a dataclass with the values of `table`; nested dataclasses likewise.

    Raises ValueError as `read_as` does, and names the table when a dataclass rejects its values.
    """
    inside = f"{key}." if key else ""
    hints = _known(type(config), table, inside)
    changed = {}
    for name, value in table.items():
        now = getattr(config, name)
        nested = is_dataclass(now) and isinstance(value, Mapping)
        changed[name] = read_over(now, value, inside + name) if nested else read_as(hints[name], value, inside + name)
    try:
        return replace(config, **changed)  # type: ignore[type-var]  # a TypeVar cannot be bound to dataclasses
    except ValueError as error:
        raise ValueError(f"{key}: {error}" if key else str(error)) from error


def _known(hint: Any, table: Mapping[str, Any], inside: str) -> dict[str, Any]:
    """The annotations of a dataclass; raises ValueError for a key of the table that is not one of its fields."""
    hints = get_type_hints(hint)
    if unknown := [name for name in table if name not in hints]:
        raise ValueError(f"{inside}{unknown[0]}: expected one of {', '.join(hints)}, found {unknown[0]!r}")
    return hints


def _dataclass(hint: Any, table: Mapping[str, Any], inside: str) -> Any:
    hints = _known(hint, table, inside)
    for item in fields(hint):
        if item.name not in table and item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{inside}{item.name}: expected {_words(hints[item.name])}, found nothing")
    return hint(**{name: read_as(hints[name], part, inside + name) for name, part in table.items()})


def _words(hint: Any) -> str:
    """A type annotation in words for the author of a TOML file."""
    if get_origin(hint) is Literal:
        *others, last = map(str, get_args(hint))
        return f"{', '.join(others)} or {last}" if others else last
    if get_origin(hint) in (tuple, Sequence):
        return f"a list, each {_words(get_args(hint)[0])}"
    if get_origin(hint) in (dict, Mapping) and get_args(hint)[1] is not Any:
        return f"a table, each value {_words(get_args(hint)[1])}"
    if hint is datetime:
        return "an ISO time as 2022-04-25T00:00:00+08:00"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}.get(hint, "a table")
