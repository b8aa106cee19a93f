"""Limits on requests, and strict parsing of their content."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bento_services.admission.problem import malformed, unprocessable
from feature_repo.core.settings import Section
from feature_repo.core.strict_json import JsonError, parse
from feature_repo.limits import LimitError, check

# Part of the API's document, so the same in every deployment.
MAX_EVENTS = 500
MAX_VIDEOS = 500  # in one batch
MAX_CONTEXT_BYTES = 4096
MAX_CURSOR_LENGTH = 6144
MAX_LIMIT = 100
MAX_WATCH_SECONDS = 1_000_000  # of a video that has just ended


@dataclass(frozen=True)
class Limits:
    """The load that one process accepts; every number is positive."""

    max_connections: int = 512  # HTTP connections; beyond, the least useful one is closed
    reserved_descriptors: int = 256  # file descriptors for store, log, files and gRPC; the rest is for HTTP
    max_head_bytes: int = 16 * 1024  # request line and headers
    head_seconds: float = 5.0  # to receive a request's head, and for the first byte on a new connection
    idle_seconds: int = 15  # keep-alive between two requests
    send_seconds: float = 10.0  # until a client that stopped reading its response is cut off
    answer_seconds: float = 10.0  # to process a request; then 503
    max_body_bytes: int = 64 * 1024
    max_events_body_bytes: int = 1024 * 1024  # of events, and of videos
    receive_seconds: float = 10.0  # to receive a whole body
    max_in_flight_pages: int = 1_024  # waiting or in work, by quick rungs too; more than that are answered 503
    max_concurrent_rpcs: int = 512
    max_rpc_connections: int = 128
    idle_rpc_seconds: int = 300  # keep-alive between two calls
    max_rpcs_per_connection: int = 100

    def __post_init__(self) -> None:
        for limit in fields(self):
            if (value := getattr(self, limit.name)) <= 0:
                raise ValueError(f"{limit.name}: expected more than 0, found {value!r}")
        if self.answer_seconds + self.receive_seconds > 50:
            raise ValueError("receive_seconds and answer_seconds: expected at most 50 together; BentoML ends at 60")


LIMITS = Section("limits", Limits, "service")


def read_json(body: bytes, what: str = "the body") -> Any:
    """Parse untrusted JSON strictly."""
    try:
        return parse(body, what)
    except JsonError as error:
        raise malformed(str(error)) from error


def identifier(value: str, name: str, *, required: bool = False) -> str:
    """An id within its limits; it may be empty unless it is `required`."""
    try:
        kept: str = check("events", "user_id", value, called=name) if value or required else ""
    except LimitError as error:
        raise unprocessable(str(error), field=name) from error
    return kept
