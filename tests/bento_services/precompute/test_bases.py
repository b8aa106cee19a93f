"""Bases of all and of active viewers: made once, replaced, kept where they are current, by one process at a time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US
from worlds.untrained import promote, releases, untrained_home

from bento_services.errors import FeedError
from bento_services.feed.config import FeedConfig
from bento_services.precompute import bases
from bento_services.precompute.bases import bases_of_partition, maker_of, packed_bases, precompute
from feature_repo.core.errors import HomeError, Refused
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT
from feature_repo.store.connect import Client, connect
from feature_repo.store.layout import ACTIVE, USER_IDS, entity_key, timestamp_field
from feature_repo.store.lease import leased
from feature_repo.store.made_lists import MadeList, base_key, unpack
from feature_repo.store.online_state import clear
from feature_repo.store.valkey_server import online_store


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("bases") / "home")


@pytest.fixture(scope="module")
def url(home: Home) -> Iterator[str]:
    with online_store(home) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    opened = connect(url, 5.0)
    for key in opened.keys("marquee:recs_base:*"):
        opened.delete(key)
    opened.delete(ACTIVE)
    yield opened
    opened.close()


def base(client: Client, user_id: str) -> MadeList | None:
    return unpack(client.get(base_key(user_id)))


def test_every_viewer_gets_a_base_with_an_end_and_a_second_run_replaces_it(
    home: Home, url: str, client: Client
) -> None:
    said = precompute(home, url, "all")
    count = client.scard(USER_IDS)
    assert (said["viewers"], said["made"], said["current"]) == (count, count, 0)
    first = base(client, "u001")
    assert first is not None
    assert (first.release_id, len(first.video_ids) > 50) == (releases(home)[0], True)
    hours = client.pttl(base_key("u001")) / 3_600_000
    assert 8 * 0.8 - 0.1 < hours <= 8
    assert precompute(home, url, "all")["made"] == count
    again = base(client, "u001")
    assert again is not None
    assert set(again.video_ids) == set(first.video_ids)  # it is later now: near-ties may change places
    assert again.made_us > first.made_us
    assert len(client.keys("marquee:recs_base:*")) == count


def test_of_active_viewers_those_are_made_that_are_missing_or_stale(home: Home, url: str, client: Client) -> None:
    now = time.time()
    client.zadd(ACTIVE, {"u001": now, "u002": now, "u003": now - 7200})
    first = precompute(home, url, "active")
    assert (first["viewers"], first["made"], first["current"]) == (2, 2, 0)
    assert base(client, "u003") is None
    again = precompute(home, url, "active")
    assert (again["viewers"], again["made"], again["current"]) == (2, 0, 2)
    row, stamp = entity_key("user_id", "u001"), timestamp_field("user_activity")
    before = client.hget(row, stamp)
    client.hset(row, stamp, before[:1] + bytes([before[1] ^ 1]) + before[2:])  # an event at another second
    assert precompute(home, url, "active")["made"] == 1
    client.hset(row, stamp, before)


def test_a_base_of_another_release_is_stale(home: Home, url: str, client: Client) -> None:
    client.zadd(ACTIVE, {"u001": time.time()})
    precompute(home, url, "active")
    first, second = releases(home)
    promote(home, second)
    try:
        assert precompute(home, url, "active")["made"] == 1
        made = base(client, "u001")
        assert made is not None
        assert made.release_id == second
    finally:
        promote(home, first)


def test_while_one_process_makes_them_another_is_refused(home: Home, url: str, client: Client) -> None:
    with (
        leased(client, "marquee:making:bases:all", 60.0),
        pytest.raises(Refused, match="being made by another process"),
    ):
        precompute(home, url, "all")
    assert precompute(home, url, "all")["made"]


@pytest.fixture
def now_us(home: Home, monkeypatch: pytest.MonkeyPatch) -> int:
    """A clock that stands still: a list depends on when it is made."""
    moment = home.world().now_us()
    monkeypatch.setattr(World, "now_us", lambda self: moment)
    return moment


def test_a_worker_that_opens_everything_itself_makes_the_same(
    home: Home, url: str, client: Client, now_us: int
) -> None:
    path = home.releases / releases(home)[0]
    ids = [f"u{number:03}" for number in range(7)]
    batches = bases_of_partition(str(home.root), url, str(path), now_us, iter([ids[:3], ids[3:]]))
    elsewhere = {user_id: unpack(packed) for batch in batches for user_id, packed in batch}
    precompute(home, url, "all")
    for user_id in ids:
        here, there = base(client, user_id), elsewhere[user_id]
        assert here is not None
        assert there is not None
        assert (there.video_ids, there.vector, there.viewer_us) == (here.video_ids, here.vector, here.viewer_us)
        assert (there.made_us, there.release_id) == (now_us, here.release_id)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # py4j's
def test_spark_makes_the_same_as_this_process(home: Home, url: str, client: Client, now_us: int) -> None:
    pytest.importorskip("pyspark", reason="the Spark extra is not installed (make spark)")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    precompute(home, url, "all")
    here = {key: unpack(client.get(key)) for key in client.keys("marquee:recs_base:*")}
    client.delete(*here)
    said = precompute(home, url, "all", engine="spark")
    assert said["made"] == len(here)
    for key, one in here.items():
        there = unpack(client.get(key))
        assert one is not None
        assert there is not None
        assert msgspec.structs.replace(there, catalog_us=one.catalog_us) == one  # each read the catalog by itself


def test_the_store_has_what_was_made_before_a_run_is_broken_off(
    home: Home, url: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "BATCH", 5)
    original, calls = bases.packed_bases, []

    def breaks(*given: object) -> list[tuple[str, bytes]]:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(bases, "packed_bases", breaks)
    with pytest.raises(KeyboardInterrupt):
        precompute(home, url, "all")
    assert len(client.keys("marquee:recs_base:*")) == 10
    assert not client.exists("marquee:making:bases:all")


def test_a_world_without_videos_names_what_to_run(tmp_path: Path) -> None:
    empty = untrained_home(tmp_path / "home")
    with online_store(empty) as url:
        store = connect(url, 5.0)
        clear(store)
        store.close()
        with pytest.raises(HomeError, match="run `marquee features` first"):
            precompute(empty, url, "all", progress=SILENT)


def test_a_model_that_breaks_is_said_in_one_line() -> None:
    release, reader = feed_world.toy_release(), feed_world.toy_reader()
    feed_world.parts_of(release).ranker.broken = RuntimeError("no")
    with pytest.raises(FeedError, match="no bases can be made: ranker"):
        packed_bases(maker_of(release, FeedConfig()), reader.snapshot(), NOW_US, [reader.user("heavy")])
