"""What a handler that writes to the online store makes of the client's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from feature_repo.store.connect import StoreDown, is_outage
from feature_repo.stream.handlers.protocol import Poisoned


@contextmanager
def storing() -> Iterator[None]:
    """Raise StoreDown where the server is unavailable, and Poisoned where it refuses one of the records."""
    try:
        yield
    except redis.RedisError as error:
        if is_outage(error):
            raise StoreDown(f"the online store does not answer: {error}") from error
        raise Poisoned(f"{type(error).__name__}: {error}") from error  # a key of one of them holds another type
