"""Errors as answers: one shape over HTTP, the same code and message over gRPC.

{"error": {"code": "unknown_video", "message": "…", "request_id": "…", "details": {…}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import orjson
from msgspec import Meta, Struct

from bento_services.errors import NothingToAsk, UnknownSubject


class ErrorBody(Struct, frozen=True):
    code: Annotated[str, Meta(description="For programs; never changes.")]
    message: Annotated[str, Meta(description="For people.")]
    request_id: str
    details: dict[str, Any]


class Error(Struct, frozen=True):
    error: ErrorBody


class Problem(Exception):
    """An error to answer with; `code` is for programs and stable, `message` is for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        retry_after_seconds: int | None = None,
        more_headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.retry_after_seconds = retry_after_seconds
        self.more_headers = dict(more_headers or {})

    def body(self, request_id: str) -> bytes:
        body = Error(ErrorBody(self.code, self.message, request_id, self.details))
        return orjson.dumps(body, default=msgspec.structs.asdict)

    def headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", **self.more_headers}
        if self.retry_after_seconds is not None:
            headers["retry-after"] = str(self.retry_after_seconds)
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers


def malformed(message: str, **details: Any) -> Problem:
    return Problem(400, "malformed", message, details)


def unprocessable(message: str, **details: Any) -> Problem:
    return Problem(422, "unprocessable", message, details)


def unavailable(message: str, retry_after_seconds: int = 1, **details: Any) -> Problem:
    return Problem(503, "unavailable", message, details, retry_after_seconds)


def events_down(*, asked: bool) -> Problem:
    """`asked`: the log was given the events, and may have taken them: all, or those of some partitions of Kafka."""
    if not asked:
        return unavailable("the event log does not accept events right now; nothing was accepted", taken="none")
    return unavailable(
        "the event log did not answer in time; send the same again, with the same event ids or Idempotency-Key: "
        "each event counts once",
        taken="unknown",
    )


def refusal_of(error: UnknownSubject | NothingToAsk) -> Problem:
    if isinstance(error, NothingToAsk):
        return unavailable(str(error))
    if error.field == "category":
        details = {"category": error.value, "known": list(error.known)}
        return Problem(404, "unknown_category", "the catalog has no such category", details)
    return Problem(404, "unknown_video", "no video has this id", {error.field: error.value})


INTERNAL = Problem(500, "internal", "internal error; the request id names the log line with its cause")
DEADLINE_PASSED = Problem(504, "deadline_passed", "the deadline of the request has passed; allow more time")
OVERLOADED = Problem(503, "overloaded", "too many requests at once; try again", retry_after_seconds=1)
TOO_LATE = Problem(503, "timed_out", "the work on this request took too long; try again", retry_after_seconds=1)
