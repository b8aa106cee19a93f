"""What is the same thing twice is shown once: by hand, against a comparison of all with all, and on pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import arithmetic as feed_world
from worlds.arithmetic import DAY_US, NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.certificate import verify
from bento_services.feed.config import FeedConfig
from bento_services.feed.near_duplicates import NearDuplicates, title_key
from bento_services.feed.page import Page, Query
from feature_repo.store.memory import MemoryReader

LOOK, NEAR, FAR = "00ff00ff12ab34cd", "00ff00ff12ab34c2", "00ff00ff12ab3432"  # 4 and 8 bits away
ONE: dict[str, Any] = {"title": "Paper Orbit", "published_timestamp_us": 86_400_000_000}


def catalog_of(*videos: dict[str, Any]) -> Any:
    usual = feed_world.big_videos(len(videos)).values()
    rows = [{**other, "series_id": "", "episode": 0, **video} for other, video in zip(usual, videos, strict=True)]
    return MemoryReader(feed_world.BIG, {}, {f"v{at:02}": row for at, row in enumerate(rows)}).snapshot()


def first(*videos: dict[str, Any], bits: int = 4) -> list[int]:
    catalog = catalog_of(*videos)
    places: list[int] = NearDuplicates(bits).first_of_each(catalog, np.arange(len(videos))).tolist()
    return places


@pytest.mark.parametrize(
    ("title", "other", "are_same"),
    [
        ("Amélie", "AMELIE", True),
        ("Spider-Man", "Spider Man!", True),
        ("Emma (1996)", "emma (1996)", True),
        ("Emma (1996)", "Emma (2020)", False),
        ("???", "???", True),
        ("???", "!!!", False),
        ("Untitled", "Untitled", False),
        ("", "", False),
        ("東京物語", "東京物語", True),
        ("東京物語", "東京の物語", False),
    ],
)
def test_titles_are_compared_without_case_accents_and_punctuation(title: str, other: str, are_same: bool) -> None:
    day = {"published_timestamp_us": 0}
    assert first({"title": title, **day}, {"title": other, **day}) == ([0] if are_same else [0, 1])


def test_a_year_apart_is_another_film() -> None:
    later = {**ONE, "published_timestamp_us": 400 * DAY_US}
    assert first(ONE, later, ONE, later) == [0, 1]
    assert title_key("Paper Orbit", "1970") != title_key("Paper Orbit", "1971")


def test_what_looks_nearly_alike_is_one_thing_and_nearness_does_not_pass_on() -> None:
    looks = [{"perceptual_hash": one} for one in (LOOK, NEAR, FAR, LOOK.upper(), "", "")]
    assert first(*looks) == [0, 2, 4, 5]  # the last look is 8 bits from the first, though 4 from the second
    assert first(*looks, bits=3) == [0, 1, 2, 4, 5]
    assert first(*looks, bits=0) == [0, 1, 2, 4, 5]
    assert first(*looks, bits=8) == [0, 4, 5]


def test_episodes_of_a_series_are_different_things_and_the_same_episode_is_not() -> None:
    episodes = [{**ONE, "perceptual_hash": LOOK, "series_id": "s1", "episode": at} for at in (1, 2, 2)]
    assert first(*episodes) == [0, 1]
    assert first(*episodes, {**ONE, "series_id": "s2", "episode": 9}, {"perceptual_hash": NEAR}) == [0, 1]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["One", "ONE", "Two", "Three"]),
            st.sampled_from(["", LOOK, NEAR, FAR]),
            st.sampled_from(["", "s1", "s2"]),
            st.integers(1, 2),
        ),
        max_size=12,
    )
)
def test_each_that_is_kept_is_the_same_as_none_before_it(videos: list[tuple[str, str, str, int]]) -> None:
    def are_same(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> bool:
        if one[2] and one[2] == other[2] and one[3] != other[3]:
            return False
        near = bool(one[1] and other[1]) and (int(one[1], 16) ^ int(other[1], 16)).bit_count() <= 4
        return one[0].lower() == other[0].lower() or near

    kept: list[int] = []
    for at, video in enumerate(videos):
        if not any(are_same(video, videos[before]) for before in kept):
            kept.append(at)
    names = ("title", "perceptual_hash", "series_id", "episode")
    rows = [{**dict(zip(names, video, strict=True)), "published_timestamp_us": 0} for video in videos]
    if rows:
        assert first(*rows) == kept


def page_of(videos: dict[str, Any], **query: Any) -> Page:
    release = feed_world.release_of(feed_world.BIG, videos, [["v00001", "v00002"], ["v00003", "v00004"]])
    reader = MemoryReader(feed_world.BIG, {}, videos)
    feed = build_feed(release, reader, None, FeedConfig(deadline_ms=60_000), now_us=lambda: NOW_US)
    return feed.page(Query(user_id="new", **query))


def twins(**same: Any) -> dict[str, Any]:
    """120 videos, each of which is there twice."""
    videos = feed_world.big_videos(120)
    for at, video in enumerate(videos.values()):
        video |= {"series_id": "", "episode": 0, "title": f"Film {at}", "countries": [], "maturity": 0}
        video |= {name: make(at // 2) for name, make in same.items()}
        video["published_timestamp_us"] = NOW_US - (at // 2 + 1) * DAY_US
    return videos


def facts(page: Page) -> dict[str, tuple[float, bool]]:
    return {rule["rule"]: (rule["found"], rule["kept"]) for rule in page.certificate["rules"]}


def test_a_page_shows_no_title_twice_and_a_client_can_check_it() -> None:
    videos = twins(title=lambda at: f"Film {at}")
    page = page_of(videos, limit=20)
    shown = [item.title for row in page.rows for item in row.items]
    assert len(shown) == len(set(shown)) > 20
    assert facts(page)["same_title_on_page"] == (0, True)
    sent = page.to_json()
    assert verify(sent) == []
    sent["recommendations"][0]["title"] = sent["rows"][0]["items"][0]["title"] = "Film 999"
    for item in sent["rows"][-1]["items"][:1]:
        item |= {"title": "FILM: 999", "published_at": sent["rows"][0]["items"][0]["published_at"]}
    assert any("same_title_on_page" in fault for fault in verify(sent))


def test_a_page_shows_no_look_twice_and_says_that_a_client_cannot_see_it() -> None:
    videos = twins(perceptual_hash=lambda at: f"{at * 0x9E3779B97F4A7C15 % 2**64:016x}")
    page = page_of(videos, limit=20)
    looks = [videos[item.video_id]["perceptual_hash"] for row in page.rows for item in row.items]
    assert len(looks) == len(set(looks)) > 20
    assert facts(page)["near_duplicates_on_page"] == (0, True)
    assert page.certificate["not_on_page"] == ["near_duplicates_on_page"]
    assert verify(page.to_json()) == []


def test_episodes_with_one_title_are_all_shown_and_the_page_says_that_they_are_episodes() -> None:
    videos = twins(title=lambda at: "The Show", series_id=lambda at: "s1")
    for at, video in enumerate(videos.values()):
        video["episode"] = at + 1
    page = page_of(videos, limit=20)
    assert len(page.recommendations) == 20
    assert facts(page)["same_title_on_page"] == (0, True)
    assert {(item.series_id, item.episode > 0) for item in page.recommendations} == {("s1", True)}
    assert verify(page.to_json()) == []


@pytest.mark.parametrize("surface", ["home", "trending", "new"])
@pytest.mark.parametrize(
    "same",
    [{"title": lambda at: f"Film {at}"}, {"perceptual_hash": lambda at: f"{at * 0x9E3779B97F4A7C15 % 2**64:016x}"}],
)
def test_no_page_of_a_feed_shows_what_is_the_same_as_on_an_earlier_one_and_no_page_is_empty(
    surface: str, same: dict[str, Any]
) -> None:
    videos = twins(**same)
    name = next(iter(same))
    release = feed_world.release_of(feed_world.BIG, videos, [["v00001", "v00002"], ["v00003", "v00004"]])
    feed = build_feed(
        release, MemoryReader(feed_world.BIG, {}, videos), None, FeedConfig(deadline_ms=60_000), now_us=lambda: NOW_US
    )
    found: list[Any] = []
    cursor: str | None = ""
    pages = 0
    while cursor or not pages:
        page = feed.page(Query(user_id="new", limit=9, cursor=cursor or ""), surface)
        items = {item.video_id for row in page.rows for item in row.items}
        assert items
        found += [videos[video_id][name] for video_id in items]
        cursor, pages = page.cursor, pages + 1
    assert len(found) == len(set(found))
    assert pages > 2
    feed.close()
