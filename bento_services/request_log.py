"""One log line and one count in the metrics for every request, on either protocol.

A line holds request id, route, status, rung, milliseconds and release: never who the viewer was, never what was sent.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import structlog

from bento_services import metrics

report = structlog.get_logger("requests")

_answering = ""  # the release that answers in this process


def answers_with(release: str) -> None:
    """From now on requests that are no page, which names its own, are logged with this release."""
    global _answering
    _answering = release


def record(
    protocol: str,
    route: str,
    status: int | str,
    seconds: float,
    request_id: str,
    rung: str | None = None,
    release: str | None = None,
) -> None:
    """`route` comes from a fixed set; `rung` of the ladder is a page's, and so is its own `release`. Raises nothing."""
    _requests(protocol, route, str(status)).inc()
    _seconds(protocol, route).observe(seconds)
    of_page = {} if rung is None else {"rung": rung}
    try:
        report.info(
            "request",
            protocol=protocol,
            request_id=request_id,
            route=route,
            status=status,
            ms=round(seconds * 1000, 3),
            release=release or _answering,
            **of_page,
        )
    except Exception:  # a full disk or a closed pipe must not fail requests
        metrics.LOG_LINES_LOST.inc()


@cache
def _requests(protocol: str, route: str, status: str) -> Any:
    return metrics.REQUESTS.labels(protocol, route, status)


@cache
def _seconds(protocol: str, route: str) -> Any:
    return metrics.REQUEST_SECONDS.labels(protocol, route)
