"""Parses request headers, for the edge and the routes.

A header that decides who asks or for whom may be there once: proxies and libraries differ in which of two they believe.
Text in headers is UTF-8, or percent-encoded UTF-8 for clients that can send ASCII only; a percent sign is `%25`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from bento_services.admission.problem import Problem, malformed

ONCE = frozenset(
    (
        *("host", "authorization", "x-api-key", "content-type", "x-user-id", "x-session-id", "x-context"),
        *("idempotency-key", "if-match", "if-none-match"),
    )
)
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name, bytes as latin-1, the first of several. Raises Problem 400 for two of ONCE."""
    headers: dict[str, str] = {}
    for name, value in raw:
        known = name.decode("latin-1").lower()
        if known in headers and known in ONCE:
            raise malformed(f"{known}: expected one, found several", field=known)
        headers.setdefault(known, value.decode("latin-1"))
    return headers


def header_text(value: str, name: str) -> str:
    """The text of a header that was decoded as latin-1. Raises Problem 400 for what is no UTF-8.

    JSON has escapes of its own, and is percent-encoded as a whole or not at all.
    """
    raw = value.encode("latin-1")
    if b"%" in raw and not raw.startswith(b"{"):
        if _NO_ESCAPE.search(raw):
            raise malformed(f"{name}: expected a percent sign to be sent as %25", field=name)
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise malformed(f"{name}: expected UTF-8, or percent-encoded UTF-8", field=name) from error


def check_query(query: bytes) -> None:
    """Raises Problem 400 for what is no UTF-8, and for a parameter that is there twice, of which one is ignored."""
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError as error:
        raise malformed("the query: expected percent-encoded UTF-8") from error
    if b"&" not in query:
        return
    names = [part.partition(b"=")[0] for part in query.split(b"&") if part]
    if len({unquote_to_bytes(name) for name in names}) < len(names):
        raise malformed("the query: expected each parameter once")


def check_path(raw_path: bytes) -> None:
    """Raises Problem for a path that is no text, of which two would become one; and for one with a line break, which
    the router's patterns take for an end."""
    if b"%" not in raw_path:
        return
    try:
        path = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError as error:
        raise malformed("the path: expected percent-encoded UTF-8") from error
    if "\n" in path:
        raise Problem(404, "not_found", "there is nothing at this address")
