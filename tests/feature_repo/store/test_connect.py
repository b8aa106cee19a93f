"""A client that answers or fails in time, and one name for whatever goes wrong."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import redis

from feature_repo.store.connect import StoreDown, answering, connect


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


def test_a_silent_server_costs_the_timeout_once(silent: str) -> None:
    client = connect(silent, 0.1)
    started = time.monotonic()
    with pytest.raises(redis.TimeoutError):
        client.get("key")
    assert time.monotonic() - started < 0.5  # and no second try
    client.close()


def test_whatever_the_client_raises_is_a_store_that_is_down(silent: str) -> None:
    for url in (silent, "redis://127.0.0.1:1"):
        client = connect(url)
        with pytest.raises(StoreDown, match="does not answer"), answering():
            client.get("key")
        client.close()


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="not the store's"), answering():
        raise ValueError("not the store's")
