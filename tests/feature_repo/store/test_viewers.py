"""Who is active: by when an event of theirs was folded last."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from worlds.live import valkey

from feature_repo.store import viewers
from feature_repo.store.connect import Client, connect
from feature_repo.store.layout import ACTIVE, USER_IDS


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        opened = connect(url, 5.0)
        yield opened
        opened.close()


def test_those_of_whom_there_were_events_lately_are_active_the_latest_first(client: Client) -> None:
    client.flushdb()
    now = time.time()
    client.zadd(ACTIVE, {"old": now - 7200, "earlier": now - 600})
    viewers.note_active(client, ["now"])
    assert viewers.active_viewers(client, 3600.0) == ["now", "earlier"]
    assert viewers.active_viewers(client, 60.0) == ["now"]


def test_those_of_yesterday_are_forgotten(client: Client) -> None:
    client.flushdb()
    now = time.time()
    client.zadd(ACTIVE, {"yesterday": now - viewers.ACTIVE_SECONDS - 1, "today": now - viewers.ACTIVE_SECONDS + 600})
    viewers.forget_inactive(client)
    assert client.zrange(ACTIVE, 0, -1) == [b"today"]


def test_all_viewers_are_all_there_are_in_one_order(client: Client) -> None:
    client.flushdb()
    client.sadd(USER_IDS, *(f"u{number}" for number in range(500)))
    assert viewers.all_viewers(client) == sorted(f"u{number}" for number in range(500))
