"""What was taken down or has expired is neither shown nor named, on any rung, to anybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US
from worlds.lists import forget_bases, make_lists

from bento_services.feed.attempt import Attempt
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.precompute.batch import Stage, rank_everyone
from feature_repo.store.memory import MemoryReader
from models.release.artifact import Release

PATIENT = FeedConfig(deadline_ms=60_000)
COUNT = 150
Breakage = Callable[[Release, MemoryReader], None]


def healthy(release: Release, reader: MemoryReader) -> None:
    pass


def broken(part: str) -> Breakage:
    def broken(release: Release, reader: MemoryReader) -> None:
        getattr(feed_world.parts_of(release), part).broken = RuntimeError()

    return broken


def everything_broken(release: Release, reader: MemoryReader) -> None:
    for part in ("ranker", "index", "retrieval"):
        broken(part)(release, reader)


def lists_then(breakage: Breakage, without_bases: bool = False) -> Breakage:
    """Lists were made before anything was taken down, expired, or broke."""

    def later(release: Release, reader: MemoryReader) -> None:
        catalog = MemoryReader(feed_world.BIG, {}, feed_world.big_videos(COUNT)).snapshot()
        make_lists(release, reader, ["u001"], catalog)
        if without_bases:
            forget_bases(reader, ["u001"])
        breakage(release, reader)

    return later


def catalog_gone(release: Release, reader: MemoryReader) -> None:
    """The store was emptied of videos after it had said what is taken down: only the release's list is left."""
    reader.videos_by_id.clear()
    reader.refresh()


def viewer_unreadable(release: Release, reader: MemoryReader) -> None:
    reader.down = True


BREAKAGES: Mapping[str, Breakage] = {
    "full_funnel": healthy,
    "retrieval_only": broken("ranker"),
    "similar_and_trending": broken("retrieval"),
    "base_reranked": lists_then(broken("retrieval")),
    "base_order": lists_then(broken("ranker")),
    "segment": lists_then(everything_broken, without_bases=True),
    "static, without a catalog": catalog_gone,
    "static, without the viewer": viewer_unreadable,
    "whatever is left": everything_broken,
}


@pytest.fixture
def release() -> Release:
    return feed_world.big_release(COUNT)


@pytest.fixture
def reader() -> MemoryReader:
    videos = feed_world.big_videos(COUNT)
    for video_id, video in videos.items():
        video["title"] = f"Title of {video_id}."
    return MemoryReader(feed_world.BIG, feed_world.big_users(videos=COUNT), videos)


def page(release: Release, reader: MemoryReader, breakage: str, now_us: int = NOW_US) -> dict[str, Any]:
    BREAKAGES[breakage](release, reader)
    feed = build_feed(release, reader, None, PATIENT, now_us=lambda: now_us)
    attempt = Attempt(below="similar_and_trending") if breakage == "segment" else None
    found = feed.page(Query(user_id="u001", limit=60, explain=False), attempt=attempt).to_json()
    feed.close()
    assert found["served_by"] == breakage.partition(",")[0] or breakage == "whatever is left"
    return found


def on_page(found: Mapping[str, Any]) -> list[str]:
    return sorted({item["video_id"] for row in found["rows"] for item in row["items"]})


def named(found: Mapping[str, Any], videos: list[str]) -> list[str]:
    said = json.dumps(found)
    return [video_id for video_id in videos if f"Title of {video_id}." in said]


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_was_taken_down_is_neither_shown_nor_named(release: Release, reader: MemoryReader, breakage: str) -> None:
    """Of all that the page shows and names, the viewer's own history included, every second video is taken down."""
    before = page(release, reader, "full_funnel")
    history = list(reader.user("u001").values["history_video_ids"])
    gone = sorted({*on_page(before)[::2], *history[::2]})
    assert named(before, history)  # "Because you watched"
    reader.taken_down = set(gone)
    reader.refresh()
    after = page(release, reader, breakage)
    assert set(on_page(after)).isdisjoint(gone)
    assert on_page(after)
    assert named(after, gone) == []


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_has_expired_is_neither_shown_nor_named(release: Release, reader: MemoryReader, breakage: str) -> None:
    gone = list(reader.videos_by_id)[::2]
    for video_id in gone:
        reader.videos_by_id[video_id]["expires_timestamp_us"] = NOW_US
    reader.refresh()
    if breakage != "static, without a catalog":  # nothing says then what has been set to expire since the release
        after = page(release, reader, breakage)
        assert set(on_page(after)).isdisjoint(gone)
        assert named(after, gone) == []


def test_a_static_video_with_an_expiry_of_its_own_is_not_shown_after_it(reader: MemoryReader) -> None:
    release = feed_world.big_release(COUNT)
    shown = on_page(page(release, reader, "static, without a catalog"))
    videos = tuple(
        {**video, "expires_timestamp_us": NOW_US} if video["video_id"] == shown[0] else video
        for video in release.static_videos
    )
    object.__setattr__(release, "static_videos", videos)
    assert shown[0] not in on_page(page(release, reader, "static, without a catalog"))
    assert shown[0] in on_page(page(release, reader, "static, without a catalog", NOW_US - 1))


@pytest.mark.parametrize("stage", ["retrieval", "full"])
def test_nobodys_list_has_what_was_taken_down(release: Release, reader: MemoryReader, stage: Stage) -> None:
    (before,) = rank_everyone(release, reader, ["u001"], 20, stage, PATIENT)
    gone = set(before.video_ids[::2])
    reader.taken_down = gone
    reader.refresh()
    (after,) = rank_everyone(release, reader, ["u001"], 20, stage, PATIENT)
    assert gone.isdisjoint(after.video_ids)
    assert len(after.video_ids) == 20


def test_a_video_published_to_a_running_feed_is_on_the_page_and_found_by_retrieval(
    release: Release, reader: MemoryReader
) -> None:
    feed = build_feed(release, reader, None, PATIENT, now_us=lambda: NOW_US)
    feed.page(Query(user_id="u001", limit=60))
    like = reader.videos_by_id["v00003"]
    reader.videos_by_id["zz"] = {**like, "title": "Brand new", "creator_id": "nobody", "published_timestamp_us": NOW_US}
    reader.refresh()
    found = feed.page(Query(user_id="u001", limit=60, explain=True)).to_json()
    feed.close()
    (item, *_) = [item for row in found["rows"] for item in row["items"] if item["video_id"] == "zz"]
    assert {"new_releases", "two_tower"} <= set(item["trace"]["sources"])
