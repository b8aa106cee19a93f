"""Clients of the online store with hard timeouts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from feature_repo.core.errors import DependencyDown

Client = Any  # a redis.Redis; its annotations allow every result to be awaitable, which ours never are


class StoreDown(DependencyDown):
    """The online store did not answer in time, or has lost its contents."""


@contextmanager
def answering() -> Iterator[None]:
    """Turn the client's errors inside the block into StoreDown, including writes that a full server refuses."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreDown(f"the online store does not answer: {error}") from error


def is_outage(error: redis.RedisError) -> bool:
    """Whether the server is unavailable (gone, full, loading, read-only), as opposed to rejecting an invalid command.

    Unavailability has an error code, such as MISCONF (disk full) or OOM; "ERR", which the client strips, and WRONGTYPE
    are about the command.
    """
    if type(error) is not redis.ResponseError:
        return True  # the client's own errors, and the codes that it made a class for
    code = str(error).partition(" ")[0]
    return code.isupper() and code.isalpha() and code not in ("ERR", "WRONGTYPE")


def connect(url: str, timeout_seconds: float = 0.05) -> Client:
    """A client whose calls return or fail within `timeout_seconds`, without retries.

    It reconnects on the next command after the server was away.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
    )
