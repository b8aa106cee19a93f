"""Limits on requests, and strict parsing of what they send."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import orjson

from bento_services.admission.problem import malformed, unprocessable
from feature_repo.core.settings import Section
from feature_repo.events import MAX_ID_LENGTH

# Promised by the API's document, so the same in every deployment.
MAX_EVENTS = 500
MAX_DEPTH = 32
MAX_CONTEXT_BYTES = 4096
MAX_CURSOR_LENGTH = 6144
MAX_LIMIT = 100


@dataclass(frozen=True)
class Limits:
    """What an operator may change: how much one process takes on. Every number is positive."""

    max_connections: int = 512  # over HTTP; one more pushes out the one least likely to be missed
    reserved_descriptors: int = 256  # for store, log, files and gRPC: what RLIMIT_NOFILE leaves beside them is for HTTP
    max_head_bytes: int = 16 * 1024  # address and headers of a request
    head_seconds: float = 5.0  # for a request's head, and for a new connection to say anything
    idle_seconds: int = 15  # between two requests on one connection
    send_seconds: float = 10.0  # for a client that has stopped to read its answer
    answer_seconds: float = 10.0  # for the work on one request; then 504
    max_body_bytes: int = 64 * 1024
    max_events_body_bytes: int = 1024 * 1024
    receive_seconds: float = 10.0  # for a whole body: a slow client may not hold a connection for ever
    max_in_flight_pages: int = 64  # waiting or being made; any more would come too late to be of use
    max_concurrent_rpcs: int = 512
    max_rpc_connections: int = 128
    max_rpcs_per_connection: int = 100

    def __post_init__(self) -> None:
        for limit in fields(self):
            if (value := getattr(self, limit.name)) <= 0:
                raise ValueError(f"{limit.name}: expected more than 0, found {value!r}")


LIMITS = Section("limits", Limits, "service")


def read_json(body: bytes, what: str = "the body") -> Any:
    """Parse strictly: NaN, infinities, invalid UTF-8 and deep nesting are refused."""
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
