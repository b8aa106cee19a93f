"""A video that is published, changed and taken down while Marquee serves a trained world, seen from a viewer's page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worlds.live import eventually
from worlds.live_catalog import LiveCatalog, places, shown

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from models.candidates.sources.fresh import NEW_RELEASES
from models.candidates.sources.two_tower import TWO_TOWER

SECONDS = 60.0  # how fast it is, tests/benchmarks/live_catalog.py says


@pytest.fixture
def home(own_world: Path) -> Home:
    return Home.open(own_world)


@pytest.fixture
def served(home: Home) -> Iterator[Client]:
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url, timeout_seconds=30) as client:
        yield client


def page(client: Client, user_id: str) -> dict[str, Any]:
    return client.home(user_id, limit=100, context={"deadline_ms": 9000}, explain=True).to_json()


def as_viewers_see_it(client: Client, user_id: str) -> dict[str, Any]:
    """Not explained, so from the cache of pages where that has it."""
    return client.home(user_id, limit=100, context={"deadline_ms": 9000}).to_json()


def test_a_video_comes_to_pages_and_to_retrieval_and_goes_again(home: Home, served: Client) -> None:
    viewer = home.world().example_user
    videos = LiveCatalog(served, home.world())
    before = page(served, viewer)
    new = [f"new {number}" for number in range(6)]
    for number, video_id in enumerate(new):
        videos.put(video_id, creator_id=f"creator {number}", title=f"Brand new {number}")

    def found_by(source: str) -> set[str]:
        return {one for one in new if source in places(page(served, viewer), one)}

    assert not shown(before, new)
    eventually(lambda: found_by(NEW_RELEASES), SECONDS)
    eventually(lambda: found_by(TWO_TOWER), SECONDS)
    on_page = sorted(shown(page(served, viewer), new))
    videos.put(on_page[0], creator_id="another", title="Renamed")
    eventually(lambda: "Renamed" in shown(page(served, viewer), new).values(), SECONDS)
    eventually(lambda: shown(as_viewers_see_it(served, viewer), on_page), SECONDS)
    for video_id in on_page:
        videos.take_down(video_id)
    eventually(lambda: not shown(page(served, viewer), on_page), SECONDS)
    time.sleep(0.5)
    assert not shown(page(served, viewer), on_page)  # nothing brings them back
    assert not shown(as_viewers_see_it(served, viewer), on_page)  # nor is an older page shown again
    assert page(served, viewer)["served_by"] == "full_funnel"
    videos.restore(on_page[0])
    eventually(lambda: shown(page(served, viewer), on_page[:1]), SECONDS)


def test_an_unchanged_viewer_gets_the_same_page_until_something_is_watched(home: Home, served: Client) -> None:
    viewer = home.world().example_user

    def twice() -> list[dict[str, Any]]:
        return [as_viewers_see_it(served, viewer) for _ in range(2)]

    eventually(lambda: twice()[1]["speed"] == "page_cache", SECONDS)
    cached = as_viewers_see_it(served, viewer)
    watched = cached["recommendations"][0]
    seconds = watched["duration"] or 60.0
    served.send({"user_id": viewer, "item_id": watched["video_id"], "event": "watch", "duration_sec": seconds})
    eventually(lambda: not shown(as_viewers_see_it(served, viewer), [watched["video_id"]]), SECONDS)
    eventually(lambda: twice()[1]["speed"] == "page_cache", SECONDS)
    assert not shown(as_viewers_see_it(served, viewer), [watched["video_id"]])
