"""One line and one count for every request, whatever the protocol."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from bento_services import metrics, request_log


def test_a_request_is_one_line_and_one_count() -> None:
    count = metrics.REQUESTS.labels("grpc", "GetHome", "OK")
    before = count._value.get()
    request_log.answers_with("r-1")
    with capture_logs() as logs:
        request_log.record("grpc", "GetHome", "OK", 0.01234567, "q-1", "full_funnel", "r-2")
        request_log.record("http", "other", 404, 0.001, "q-2")
    assert count._value.get() == before + 1
    assert logs == [
        {
            "event": "request",
            "log_level": "info",
            "protocol": "grpc",
            "request_id": "q-1",
            "route": "GetHome",
            "status": "OK",
            "ms": 12.346,
            "rung": "full_funnel",
            "release": "r-2",
        },
        {
            "event": "request",
            "log_level": "info",
            "protocol": "http",
            "request_id": "q-2",
            "route": "other",
            "status": 404,
            "ms": 1.0,
            "release": "r-1",
        },
    ]


def test_a_log_that_cannot_be_written_is_counted_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class ClosedPipe:
        def info(self, event: str, **fields: Any) -> None:
            raise BrokenPipeError

    before = metrics.LOG_LINES_LOST._value.get()
    monkeypatch.setattr(request_log, "report", ClosedPipe())
    request_log.record("http", "other", 404, 0.001, "q-2")
    assert metrics.LOG_LINES_LOST._value.get() == before + 1
