"""A viewer of a small home, erased: what goes, what stays, and what may interrupt it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from worlds import toy
from worlds.live import event, eventually, items, valkey
from worlds.traces import traces

from feature_repo.core.errors import REFUSED
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from feature_repo.limits import LimitError
from feature_repo.people import erase as people
from feature_repo.people.holder import Place, Removed, Subject
from feature_repo.people.holders import HOLDERS
from feature_repo.schema import RECOMMENDATION_SERVED, WATCH_EVENTS
from feature_repo.store.connect import Client, connect
from feature_repo.store.erased import NEVER, buried, bury
from feature_repo.store.erased import people as kept_of
from feature_repo.store.idempotency import ValkeyAnswers, body_id
from feature_repo.store.layout import TAGGED, VOTES
from feature_repo.store.made_lists import base_key
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.fold_events import FoldEvents
from feature_repo.stream.log.open import open_home_log

VIEWER = "the-very-viewer"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(people, "FOLLOWED_SECONDS", 0.0)
    return toy.toy_home(tmp_path)


@pytest.fixture
def url(home: Home) -> Iterator[str]:
    with valkey(home.valkey) as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[Client]:
    client = connect(url, 5.0)
    yield client
    client.close()


def live(home: Home, url: str, store: Client, *users: str, number: int = 1, at_us: int | None = None) -> None:
    """Let watches of these viewers be folded, now."""
    log = open_home_log(home, url)
    at_us = home.world().now_us() if at_us is None else at_us
    sent = [
        msgspec.structs.replace(
            event(number, user, "v01", timestamp_us=at_us, watch_seconds=900.0), event_id=f"{user}-{number}"
        )
        for user in users
    ]
    log.append(WATCH_EVENTS, items(*sent))
    processor = Consumer(FoldEvents(home.world(), store), log, store)
    processor.drain()
    processor.close()
    log.close()


def test_one_viewer_goes_everywhere_and_the_others_stay(home: Home, url: str, store: Client) -> None:
    live(home, url, store, VIEWER, "other")
    log = open_home_log(home, url)
    pages = [
        (user, json.dumps({"request_id": "r", "user_id": user, "items": []}).encode()) for user in (VIEWER, "other")
    ]
    log.append(RECOMMENDATION_SERVED, pages)
    store.set(base_key(VIEWER), b"\x95")
    answers = ValkeyAnswers(store)
    answers.finish("key", "f", json.dumps({"event_ids": [f"{VIEWER}-1"]}).encode())
    answers.finish("others", "f", json.dumps({"event_ids": ["other-1"]}).encode())
    answers.claim({body_id((VIEWER, f"{VIEWER}-1")): "b", body_id(("other", "other-1")): "b"})
    store.sadd(f"{VOTES}{VIEWER}:20", "like:v1")
    store.sadd(TAGGED, VIEWER)
    before = store.dbsize()
    exported = people.export(home, url, VIEWER)["holders"]
    assert exported["online store"]["features"]["user_watch_count"] == 1
    assert exported["online store"]["tagged"] is True
    assert len(exported["event log"][WATCH_EVENTS]) == len(exported["event log"][RECOMMENDATION_SERVED]) == 1
    receipt = people.erase(home, url, VIEWER).to_json()
    removed = {one["name"]: one["removed"] for one in receipt["holders"]}
    assert removed["event log"] == {WATCH_EVENTS: 1, RECOMMENDATION_SERVED: 1}
    assert removed["online store"] == {
        "features": 1,
        "bases": 1,
        "lists of viewers": 4,
        "votes": 2,
        "claimed event ids": 1,
        "marks": 1,
        "answers": 1,
    }
    assert traces(home.root, url, VIEWER) == set()
    assert store.dbsize() < before
    assert people.export(home, url, "other")["holders"]["online store"]["marks"] == ["other-1"]
    assert len(log.tail(WATCH_EVENTS, 10)) == len(log.tail(RECOMMENDATION_SERVED, 10)) == 1
    log.close()


def test_a_viewer_whose_id_begins_with_an_erased_one_keeps_everything(home: Home, url: str, store: Client) -> None:
    live(home, url, store, VIEWER + ":20")
    store.sadd(f"{VOTES}{VIEWER}:20:21", "like:v1")
    store.sadd(f"{VOTES}{VIEWER}*:21", "like:v1")  # an id that reads like a pattern
    before = people.export(home, url, VIEWER + ":20")["holders"]
    people.erase(home, url, VIEWER)
    assert people.export(home, url, VIEWER + ":20")["holders"] == before
    assert store.exists(f"{VOTES}{VIEWER}*:21")
    people.erase(home, url, VIEWER + "*")
    assert not store.exists(f"{VOTES}{VIEWER}*:21")
    assert people.export(home, url, VIEWER + ":20")["holders"] == before


def test_tables_lose_the_rows_of_one_viewer_and_nothing_else(home: Home, url: str) -> None:
    before = Lake(home).events().to_pylist()
    receipt = people.erase(home, url, "heavy")
    assert receipt.removed > 0
    assert Lake(home).events().to_pylist() == [row for row in before if row["user_id"] != "heavy"]
    assert home.world().example_user == ""
    assert "heavy" not in Lake(home).users()["user_id"].to_pylist()


def test_an_unknown_viewer_gives_a_receipt_of_zeros_and_no_id_an_error(home: Home, url: str) -> None:
    receipt = people.erase(home, url, "never seen").to_json()
    assert (receipt["known"], receipt["removed"], receipt["left"]) == (False, 0, 0)
    assert receipt["ended"] > receipt["began"]
    with pytest.raises(LimitError):
        people.erase(home, url, "\n")


def test_events_of_before_are_not_folded_back_and_later_ones_begin_anew(home: Home, url: str, store: Client) -> None:
    live(home, url, store, VIEWER)
    people.erase(home, url, VIEWER)
    now_us = home.world().now_us()
    live(home, url, store, VIEWER, number=2, at_us=now_us - 3_600_000_000)  # sent late
    live(home, url, store, VIEWER, number=3, at_us=now_us)  # on its way
    assert people.export(home, url, VIEWER)["holders"].keys() == {"event log"}
    bury(home, store, VIEWER, 1)  # long ago
    live(home, url, store, VIEWER, number=4)
    features = people.export(home, url, VIEWER)["holders"]["online store"]["features"]
    assert features["user_watch_count"] == 1


def test_an_interrupted_erasure_is_ended_by_the_next(
    home: Home, url: str, store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(home, url, store, VIEWER)
    lake = next(holder for holder in HOLDERS if holder.name == "lake")

    def killed(place: Place, subject: Subject) -> Removed:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(lake, "erase", killed)
        with pytest.raises(KeyboardInterrupt):
            people.erase(home, url, VIEWER)
    (unfinished,) = (kept_of(home) / "receipts").glob("*.json")
    assert json.loads(unfinished.read_text())["ended"] == ""
    assert people.erase(home, url, VIEWER).ended
    assert traces(home.root, url, VIEWER) == set()


def test_one_is_erased_at_a_time(home: Home, url: str, store: Client) -> None:
    store.set(people.LEASE, b"somebody")
    with pytest.raises(people.ErasureRuns) as refusal:
        people.erase(home, url, VIEWER)
    assert refusal.value.exit_status == REFUSED
    assert buried(home) == {}


def test_who_refuses_personal_pages_leaves_nothing_until_agreeing(home: Home, url: str, store: Client) -> None:
    live(home, url, store, VIEWER)
    receipt = people.refuse(home, url, VIEWER)
    assert (receipt.known, buried(home)[receipt.viewer]) == (True, NEVER)
    live(home, url, store, VIEWER, number=2, at_us=home.world().now_us() + 200_000_000)
    exported = people.export(home, url, VIEWER)
    assert (exported["personal_pages"], exported["holders"].keys()) == (False, {"event log"})
    people.erase(home, url, VIEWER)  # takes nothing of it back
    assert buried(home)[receipt.viewer] == NEVER
    assert people.agree(home, url, VIEWER)
    assert not people.agree(home, url, VIEWER)
    assert people.export(home, url, VIEWER)["personal_pages"]


def test_an_erasure_waits_for_the_file_of_the_store(home: Home, url: str, store: Client) -> None:
    live(home, url, store, VIEWER)
    people.erase(home, url, VIEWER)
    files: Any = home.valkey / "appendonlydir"
    assert eventually(lambda: all(VIEWER.encode() not in path.read_bytes() for path in files.iterdir()))
