"""Strict parsing of untrusted JSON: what two parsers could read differently is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

MAX_DEPTH = 32
LEAST, MOST = -(2**63), 2**64 - 1  # range of integers
MAX_DIGITS = 20  # the number of digits of MOST
_MANY_DIGITS = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS - 1))


class JsonError(ValueError):
    """Text that is not strict JSON; the message says why and where."""


def parse(data: bytes, what: str = "the body") -> Any:
    """Raises JsonError for anything but JSON in UTF-8, a duplicate name in an object, NaN and infinities, an unpaired
    surrogate, integers outside LEAST to MOST, and more than MAX_DEPTH levels.
    """
    too_deep = JsonError(f"{what}: expected at most {MAX_DEPTH} levels of JSON")
    try:
        json.loads(data, object_pairs_hook=_named_once, parse_int=_whole if _MANY_DIGITS.search(data) else None)
        value = msgspec.json.decode(data)  # rejects NaN, 1e999 and unpaired surrogates
    except (msgspec.MsgspecError, ValueError) as error:
        raise JsonError(f"{what}: expected JSON, {error}") from error
    except RecursionError as error:
        raise too_deep from error
    if _is_deep(value):
        raise too_deep
    return value


def _named_once(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"found the name {twice[:40]!r} twice in one object")


def _whole(digits: str) -> None:
    if len(digits) > MAX_DIGITS or not LEAST <= int(digits) <= MOST:
        raise ValueError(f"found a whole number of {len(digits.lstrip('-'))} digits, beyond 64 bits")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(parent: Any) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ()
