"""The log on Valkey Streams: what it does beyond the contract that every log keeps (tests/contracts)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worlds.live import valkey

from feature_repo.store.connect import Client, connect
from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.protocol import Durability, EventLogDown
from feature_repo.stream.log.valkey import ValkeyEventLog, stream


@pytest.fixture
def log(url: str, store: Client) -> Iterator[ValkeyEventLog]:
    opened = ValkeyEventLog(url, LogConfig(valkey_claim_idle_ms=50))
    yield opened
    opened.close()


def test_what_a_silent_consumer_sits_on_is_taken_over_after_a_while(log: ValkeyEventLog, store: Client) -> None:
    log.append("t", [("k", b"1")])
    log.read("t", "g", "silent", 10, 10)
    assert log.read("t", "g", "lively", 10, 10) == []
    (taken,) = log.read("t", "g", "lively", 10, 200) or log.read("t", "g", "lively", 10, 200)
    assert (taken.value, taken.deliveries) == (b"1", 2)


def test_records_older_than_the_retention_go_unread(log: ValkeyEventLog, store: Client) -> None:
    seconds, _ = store.time()
    old = seconds * 1000 - LogConfig().valkey_retention_ms - 3_600_000
    for number in range(500):  # trimming drops whole nodes of a stream
        store.xadd(stream("t"), {b"k": b"k", b"v": b"old"}, id=f"{old}-{number}")
    log.append("t", [("k", b"new")] * 5)
    log.trim("t", 1_000)
    assert store.xlen(stream("t")) < 500
    assert [record.value for record in log.tail("t", 5)] == [b"new"] * 5


def test_a_record_that_was_trimmed_while_it_was_handed_out_is_let_go(log: ValkeyEventLog, store: Client) -> None:
    (record_id,) = log.append("t", [("k", b"1")])
    log.read("t", "g", "a", 10, 10)
    store.xdel(stream("t"), record_id)
    assert log.read("t", "g", "a", 10, 10) == []
    assert log.lag("t", "g") == 0


def test_the_lag_is_counted_when_the_server_has_lost_count(log: ValkeyEventLog, store: Client) -> None:
    ids = log.append("t", [("k", b"1")] * 5)
    log.read("t", "g", "a", 1, 10)
    store.xdel(stream("t"), ids[2])  # from now on the server's own count is unknown
    assert log.lag("t", "g") == 4


def test_a_server_that_is_away_is_named_so() -> None:
    log = ValkeyEventLog("redis://127.0.0.1:1")
    with pytest.raises(EventLogDown, match="does not answer"):
        log.append("t", [("k", b"1")])
    log.close()


@pytest.fixture
def of_its_own(tmp_path: Path) -> Iterator[Any]:
    """A client of a server that a test may set up anew."""
    with valkey(tmp_path / "own") as url:
        client = connect(url, 5.0)
        yield client, url
        client.close()


def test_a_batch_for_which_there_is_no_room_is_in_the_log_not_at_all(of_its_own: Any) -> None:
    store, url = of_its_own
    log = ValkeyEventLog(url)
    store.config_set("maxmemory", store.info("memory")["used_memory"] + 1_000_000)  # for some of them
    with pytest.raises(EventLogDown, match="does not answer"):
        log.append("t", [("user", b"x" * 5_000)] * 600)
    assert store.xlen(stream("t")) == 0
    store.config_set("maxmemory", 0)
    assert len(log.append("t", [("user", b"x" * 5_000)] * 600)) == store.xlen(stream("t")) == 600
    log.close()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"appendonly": "no"}, Durability.MEMORY),
        ({"appendonly": "yes", "appendfsync": "no"}, Durability.MEMORY),
        ({"appendonly": "yes", "appendfsync": "everysec"}, Durability.SECOND),
        ({"appendonly": "yes", "appendfsync": "always"}, Durability.DISK),
    ],
)
def test_of_a_server_of_ones_own_it_is_said_what_is_true(
    of_its_own: Any, setting: dict[str, str], expected: Durability
) -> None:
    store, url = of_its_own
    for name, value in setting.items():
        store.config_set(name, value)
    log = ValkeyEventLog(url)
    assert log.durability() is expected
    log.close()


def test_where_the_server_may_not_be_asked_nothing_is_said(of_its_own: Any) -> None:
    store, url = of_its_own
    store.execute_command("ACL", "SETUSER", "default", "-config")
    log = ValkeyEventLog(url)
    assert log.durability() is Durability.UNKNOWN
    log.close()


def test_the_embedded_log_is_as_safe_as_it_is_set(tmp_path: Path) -> None:
    for said, expected in (("disk", Durability.DISK), ("memory", Durability.MEMORY)):
        log = ValkeyEventLog("redis://127.0.0.1:1", LogConfig(durability=said), tmp_path)
        assert log.durability() is expected
        log.close()
    with pytest.raises(ValueError, match='expected "disk" or "memory"'):
        LogConfig(durability="maybe")
