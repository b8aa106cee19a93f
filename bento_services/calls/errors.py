"""Errors of a client.

ClientError                 `status`, `code`, `request_id`, `details`
├── NotReached              there was no answer: no connection, or it was lost (status 0)
│   └── NoAnswerInTime      `timeout_seconds` have passed
├── NotUnderstood           what answered is not this API: no JSON, or without the fields that its answers have
└── Refused                 in the words of the service
    ├── InvalidRequest      400, 405, 408, 413, 415, 422, 431: the request has to change
    ├── NotAllowed          401, 403: another key or viewer token
    ├── NotFound            404
    ├── Conflict            409, 412: another version, or another body under the same key
    ├── TooManyRequests     429: later
    ├── Unavailable         503, 504: something is down or overloaded, or the deadline that was asked for has passed
    └── Faulty              other 5xx: a fault of the service; the request id names its line in the log
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec


class ClientError(Exception):
    """`retry_after_seconds`: when to ask again, where the service has said so."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        request_id: str = "-",
        details: Mapping[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message} (request {request_id})")
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = dict(details or {})
        self.retry_after_seconds = retry_after_seconds


class NotReached(ClientError):
    """There was no answer. What was sent may have arrived."""


class NoAnswerInTime(NotReached):
    """There was no answer within the time."""


class NotUnderstood(ClientError):
    """The answer is none of this API."""


class Refused(ClientError):
    """The service has answered with an error."""


class InvalidRequest(Refused):
    """The request has to change."""


class NotAllowed(Refused):
    """No key, an unknown one, or one that may not do this."""


class NotFound(Refused):
    """There is no such video, viewer, rule, category or address."""


class Conflict(Refused):
    """It has another version than was said, or the idempotency key was used with another body."""


class TooManyRequests(Refused):
    """The key has used up what it may ask for now."""


class Unavailable(Refused):
    """Something that is needed is down or overloaded, or the deadline that was asked for has passed."""


class Faulty(Refused):
    """A fault of the service."""


KINDS: Mapping[int, type[Refused]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    429: TooManyRequests,
    503: Unavailable,
    504: Unavailable,
}


def refusal(reply: httpx.Response) -> ClientError:
    """The error that an answer is; NotUnderstood where it is not in the words of the service."""
    try:
        said = msgspec.json.decode(reply.content)["error"]
        kind = KINDS.get(reply.status_code) or (InvalidRequest if reply.is_client_error else Faulty)
        return kind(
            reply.status_code,
            str(said.get("code", "")),
            str(said.get("message", "")),
            str(said.get("request_id", "-")),
            said.get("details"),
            retry_after(reply),
        )
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return NotUnderstood(reply.status_code, "not_json", reply.text[:200])


def lost(error: httpx.TransportError) -> NotReached:
    kind = NoAnswerInTime if isinstance(error, httpx.TimeoutException) else NotReached
    return kind(0, "no_answer", str(error) or type(error).__name__)


def retry_after(reply: httpx.Response) -> float | None:
    """Seconds; None where nothing, or a moment of the calendar, is said."""
    said = reply.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.replace(".", "", 1).isdigit() else None
