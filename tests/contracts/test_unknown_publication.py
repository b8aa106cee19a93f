"""A video of which is not known when it was published is new nowhere: no reason, row, feature, certificate says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, DAY_US, NOW_US

from bento_services.feed.compose import Serving, compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.near_duplicates import NearDuplicates
from bento_services.feed.page import Page, Query
from bento_services.feed.parts import Parts
from bento_services.feed.subject import example
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.compute.columns import repeated
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import Home
from feature_repo.ingest.table.world import ingest
from feature_repo.lake.tables import Lake
from feature_repo.store.memory import MemoryReader
from models.allowed import Allowed
from models.candidates.sources.fresh import NewReleases
from models.catalog import OfflineRequest
from models.encoding.ranker import rank_columns
from models.page.delivery import Promise, delivery_of
from models.release.artifact import Release, load_release
from training.release.first import build_first

CONFIG = FeedConfig(deadline_ms=60_000, list_share=1.0, segment_share=1.0, base_first=False)
VIDEOS = {one: {**video, "published_timestamp_us": 0} for one, video in feed_world.big_videos(120).items()}
USERS = feed_world.big_users(8, videos=120)
IN_1970_US = 3 * DAY_US  # a clock that is so near to 0 that what was published at 0 would be new
SAYS_NEW = ("new", "publish", "fresh", "owed")
MAPPING = """
[[videos]]
files = "films.csv"
[videos.fields]
video_id = "id"
title = "name"
genres = "genre"
duration_seconds = { constant = 5400 }

[[events]]
files = "views.csv"
[events.fields]
user_id = "who"
video_id = "film"
event = { constant = "watch" }
timestamp_us = { column = "at", unit = "s" }
watch_seconds = { constant = 1, unit = "share" }
"""


def pages(release: Release, reader: MemoryReader, now_us: int, viewers: tuple[str, ...]) -> Iterator[tuple[str, Page]]:
    """Of every surface, on every rung that answers then."""
    parts = Parts(release)
    for surface, recipe in SURFACES.items():
        whole = compose(parts, recipe(CONFIG))
        for rung in whole.ladder:
            serving = replace(whole, ladder=replace(whole.ladder, rungs=(rung,)))
            feed = feed_of(serving, release, reader, now_us)
            subject = example(serving.names, reader.snapshot())
            for viewer in viewers:
                query = Query(user_id=viewer, surface=surface, subject=subject, personal=rung.for_personal, log=False)
                page = feed.page(query, surface)
                if page.served_by != rung.name:  # of a list that is being made now
                    feed.settle()
                    page = feed.page(query, surface)
                yield f"{surface}: {rung.name}, {viewer!r}", page
            feed.close()


def feed_of(serving: Serving, release: Release, reader: MemoryReader, now_us: int) -> Feed:
    return Feed(release, reader, None, CONFIG, lambda: now_us, lambda _: {serving.surface: serving})


def says_new(page: Page) -> list[str]:
    said = [word for row in page.rows for word in (row.row_id, row.title, row.reason)]
    said += [word for row in page.rows for item in row.items for word in (item.reason, item.published_at)]
    said += [source for row in page.rows for item in row.items for source in item.sources]
    found = {one["rule"]: one["found"] for one in page.certificate["rules"]}
    fresh = [f"{found['min_fresh']} fresh"] if found.get("min_fresh") else []
    return fresh + [word for word in said if any(new in word.casefold() for new in SAYS_NEW)]


def columns_of(videos: Mapping[str, Mapping[str, Any]]) -> MemoryReader:
    return MemoryReader(BIG, USERS, videos)


@pytest.mark.parametrize("now_us", [NOW_US, IN_1970_US])
def test_no_page_of_a_catalog_without_dates_says_that_something_is_new(now_us: int) -> None:
    release = feed_world.with_all_sources(feed_world.big_release(120), VIDEOS, USERS)
    release = replace(release, static_videos=tuple({"video_id": one, **video} for one, video in VIDEOS.items()))
    seen = set()
    for asked, page in pages(release, columns_of(VIDEOS), now_us, ("u004", "nobody")):
        assert says_new(page) == [], asked
        assert {item.published_at for row in page.rows for item in row.items} <= {""}
        seen.add(page.served_by)
    assert {"full_funnel", "static"} <= seen


def test_a_dated_catalog_does_say_so() -> None:
    """Else the other tests would hold of anything."""
    release = feed_world.with_all_sources(feed_world.big_release(120), feed_world.big_videos(120), USERS)
    said = [says_new(page) for _, page in pages(release, columns_of(feed_world.big_videos(120)), NOW_US, ("u004",))]
    assert sum(map(len, said)) > 20


def test_neither_does_a_page_of_a_teams_tables_without_dates(tmp_path: Path) -> None:
    films = [f"f{at:02},Film {at},{'ABCD'[at % 4]}" for at in range(40)]
    views = [f"u{at % 9},f{at:02},{1_614_700_000 + 1000 * at}" for at in range(40)]
    (tmp_path / "films.csv").write_text("\n".join(["id,name,genre", *films, ""]))
    (tmp_path / "views.csv").write_text("\n".join(["who,film,at", *views, ""]))
    (tmp_path / "map.toml").write_text(MAPPING)
    home = Home(tmp_path / "home")
    ingest(home, tmp_path / "map.toml")
    release = load_release(build_first(home))
    videos = {video.pop("video_id"): video for video in Lake(home).videos().to_pylist()}
    reader = MemoryReader(home.world(), {"u1": {"user_watch_count": 4}}, videos)
    for asked, page in pages(release, reader, home.world().now_us(), ("u1", "")):
        assert says_new(page) == [], asked


def test_nothing_else_takes_it_for_new() -> None:
    snapshot = columns_of(VIDEOS).snapshot()
    asked = OfflineRequest(
        catalog=snapshot,
        now_us=IN_1970_US,
        history_ids=(),
        features={"hidden_video_ids": ()},
        user_vector=None,
        limit=10,
    )
    assert not len(NewReleases().find(asked, Allowed.of(np.ones(len(snapshot), dtype=bool)), 10))
    assert not len(delivery_of(Promise(impressions=100), snapshot, IN_1970_US, {}, 1e6).new)
    ages = []
    for now_us in (NOW_US, IN_1970_US):
        user = {**columns_of(VIDEOS).user("u004").columns(), "user_id": np.array(["u004"], dtype=object)}
        context = context_columns([now_us], ["desktop"], [0], ["home"])
        columns = {**snapshot.columns, "video_id": snapshot.video_ids}
        found = repeated(rank_columns(user, columns, context, np.zeros(len(snapshot)), BIG))
        ages.append(set(found["video_age_days"].tolist()))
    assert ages == [{36_525.0}, {36_525.0}]


def test_what_is_known_of_1970_and_what_is_not_known_are_no_duplicates() -> None:
    one = {**VIDEOS["v00001"], "title": "Twice"}
    videos = {"a": {**one, "published_timestamp_us": 5 * DAY_US}, "b": {**one}, "c": {**one}}
    snapshot = columns_of(videos).snapshot()
    assert NearDuplicates(0).first_of_each(snapshot, np.arange(3)).tolist() == [0, 1]
