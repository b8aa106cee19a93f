"""How much one request may ask for, and the strict reading of what it sends."""

from __future__ import annotations

from typing import Any

import orjson

from bento_services.admission.problem import malformed, unprocessable
from feature_repo.events import MAX_ID_LENGTH

MAX_BODY_BYTES = 64 * 1024
MAX_EVENTS_BODY_BYTES = 1024 * 1024
MAX_EVENTS = 500
MAX_DEPTH = 32
MAX_CONTEXT_BYTES = 4096
MAX_CURSOR_LENGTH = 6144
MAX_LIMIT = 100
RECEIVE_SECONDS = 10.0  # to send a whole body: a slow client may not hold a connection for ever
MAX_CONNECTIONS = 512
MAX_IN_FLIGHT_PAGES = 64  # waiting or being made; beyond them a page would come too late to be of use


def read_json(body: bytes, what: str = "the body") -> Any:
    """Parse strictly: NaN, infinities, duplicate encodings and towers of brackets are refused."""
    try:
        value = orjson.loads(body)  # refuses NaN, Infinity and invalid UTF-8
    except orjson.JSONDecodeError as error:
        raise malformed(f"{what} is not JSON: {error}") from error
    if _depth(value) > MAX_DEPTH:
        raise malformed(f"{what} is nested more than {MAX_DEPTH} deep")
    return value


def identifier(value: str, name: str) -> str:
    """An id of at most MAX_ID_LENGTH printable characters, or empty."""
    if len(value) > MAX_ID_LENGTH or not value.isprintable():
        raise unprocessable(f"{name}: expected at most {MAX_ID_LENGTH} printable characters", field=name)
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        depth += 1
    return depth
