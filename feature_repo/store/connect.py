"""A client of the online store that answers or fails in time."""

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
    """Turn the client's errors inside the block into StoreDown. What a server that is full refuses is among them."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreDown(f"the online store does not answer: {error}") from error


def is_outage(error: redis.RedisError) -> bool:
    """Whether the server could not do it (gone, full, loading, read-only), not whether it was asked for nonsense.

    A server says what it could not do with a code in front, such as MISCONF (its disk is full) or OOM; "ERR", which the
    client takes away, and WRONGTYPE are about the command.
    """
    if type(error) is not redis.ResponseError:
        return True  # the client's own errors, and the codes that it made a class for
    code = str(error).partition(" ")[0]
    return code.isupper() and code.isalpha() and code not in ("ERR", "WRONGTYPE")


def connect(url: str, timeout_seconds: float = 0.05) -> Client:
    """A client that answers or fails within `timeout_seconds` and never retries by itself.

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
