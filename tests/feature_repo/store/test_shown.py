"""Impressions are counted live: of new videos by video, of all by day, of each record of the log once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.live import DAY_US, NOON_US, publish, valkey

from feature_repo.store import shown
from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.layout import COUNTED_PAGES, SHOWN
from feature_repo.store.shown import KEPT_DAYS, ShownPage, count, published_us, read_shown

PUBLISHED = {"v0": NOON_US, "v1": NOON_US - DAY_US, "old": NOON_US - (KEPT_DAYS + 1) * DAY_US}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Client]:
    with valkey(tmp_path) as url:
        client = connect(url, 5.0)
        yield client
        client.close()


def test_new_videos_are_counted_each_and_all_by_the_day(store: Client) -> None:
    pages = [
        ShownPage("1-0", NOON_US - 2 * DAY_US, ["v1", "old"]),
        ShownPage("2-0", NOON_US - DAY_US, ["v1", "unknown"]),
        ShownPage("3-0", NOON_US, ["v0", "v1", "old"]),
    ]
    assert count(store, pages, PUBLISHED) == 3
    found = read_shown(store, NOON_US)
    assert found.counts == {"v0": 1, "v1": 3}
    assert found.a_day == 3  # today's; the days before had two each
    assert read_shown(store, NOON_US + DAY_US).a_day == pytest.approx(7 / 3)
    assert read_shown(store, NOON_US + (KEPT_DAYS + 1) * DAY_US).counts == {}


def test_a_record_that_is_delivered_again_is_not_counted_again(store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    page, other = ShownPage("1-0", NOON_US, ["v0"]), ShownPage("2-0", NOON_US, ["v0"])
    assert count(store, [page], PUBLISHED) == 1
    assert count(store, [page, other], PUBLISHED) == 1
    assert count(store, [page, other], PUBLISHED) == 0
    assert count(store, [], PUBLISHED) == 0
    assert read_shown(store, NOON_US).counts == {"v0": 2}
    monkeypatch.setattr(shown, "PAGES_KEPT", 1)
    count(store, [ShownPage("3-0", NOON_US, [])], PUBLISHED)
    assert [one.decode() for one in store.zrange(COUNTED_PAGES, 0, -1)] == ["3-0"]


def test_what_is_counted_goes_away_by_itself(store: Client) -> None:
    count(store, [ShownPage("1-0", NOON_US, ["v0"])], PUBLISHED)
    assert store.ttl(f"{SHOWN}{NOON_US // DAY_US}") > KEPT_DAYS * 86_400


def test_the_store_says_when_videos_were_published(store: Client) -> None:
    publish(store)
    assert published_us(store, ["v0", "v3", "unknown"]) == {"v0": NOON_US, "v3": NOON_US - 3 * DAY_US}


def test_a_store_that_is_away_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreDown):
        read_shown(connect("redis://127.0.0.1:1/0"), NOON_US)
