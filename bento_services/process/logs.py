"""Logs as JSON lines on stderr, one per event. Tracebacks leave out the values of variables: they may hold viewers."""

from __future__ import annotations

import logging
import sys

import orjson
import structlog


def configure() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line, default=str).decode()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("bentoml").setLevel(logging.WARNING)
