"""A lease in the online store: of all processes, one at a time does a piece of work, and whoever dies lets go of it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from feature_repo.store.connect import Client, answering


@contextmanager
def leased(client: Client, key: str, seconds: float) -> Iterator[bool]:
    """Whether this block has the lease, which is renewed until the block ends; a dead holder's ends after `seconds`.

    Raises StoreDown if that cannot be told.
    """
    token = uuid.uuid4().hex.encode()
    milliseconds = int(1e3 * seconds)
    with answering():
        is_mine = bool(client.set(key, token, nx=True, px=milliseconds))
    if not is_mine:
        yield False
        return
    done = threading.Event()

    def renew() -> None:
        while not done.wait(seconds / 3):
            with suppress(redis.RedisError):
                if client.get(key) == token:
                    client.pexpire(key, milliseconds)

    renewing = threading.Thread(target=renew, name="lease", daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        done.set()
        renewing.join()
        with suppress(redis.RedisError), client.pipeline(transaction=True) as pipe:  # else it expires
            pipe.watch(key)
            if pipe.get(key) == token:
                pipe.multi()
                pipe.delete(key)
                pipe.execute()
