"""A client of the online store that answers or fails in time."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

Client = Any  # a redis.Redis; its annotations say that every answer may be awaitable, which ours never are


def connect(url: str, timeout_seconds: float = 0.05) -> Client:
    """A client that answers or fails within `timeout_seconds` and never retries behind its caller's back.

    It reconnects by itself on the next command after the server was away.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
    )
