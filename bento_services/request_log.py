"""One log line and one count in the metrics for every request, on either protocol.

A line holds request id, route, rung, status and duration: never who the viewer was, never what was sent.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import structlog

from bento_services import metrics

report = structlog.get_logger("requests")


def record(
    protocol: str, route: str, status: int | str, seconds: float, request_id: str, served_by: str | None = None
) -> None:
    """`route` comes from a fixed set; `served_by` is the rung of the ladder, for a page. Raises nothing."""
    _requests(protocol, route, str(status)).inc()
    _seconds(protocol, route).observe(seconds)
    rung = {} if served_by is None else {"served_by": served_by}
    try:
        report.info(
            "request",
            protocol=protocol,
            request_id=request_id,
            route=route,
            status=status,
            ms=round(seconds * 1000, 3),
            **rung,
        )
    except Exception:  # a full disk or a closed pipe must not fail requests
        metrics.LOG_LINES_LOST.inc()


@cache
def _requests(protocol: str, route: str, status: str) -> Any:
    return metrics.REQUESTS.labels(protocol, route, status)


@cache
def _seconds(protocol: str, route: str) -> Any:
    return metrics.REQUEST_SECONDS.labels(protocol, route)
