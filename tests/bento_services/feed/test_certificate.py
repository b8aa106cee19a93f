"""The certificate against a check that knows only the page, and the policy file against what it may not say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace as modified
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import REGISTRY
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.certificate import certify
from bento_services.feed.certificate import verify as verified
from bento_services.feed.compose import compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Item, Page, Query
from bento_services.feed.parts import Parts
from bento_services.feed.surfaces.home import recipe
from feature_repo.store.memory import MemoryReader
from models.page.policy import load_policy


def verify(page: dict[str, Any]) -> dict[str, tuple[float, bool]]:
    """What a client would compute from the JSON of a page: rule -> (found, kept). Shares no code with the service."""
    items, certificate = page["recommendations"], page["certificate"]
    bars = {rule["rule"]: rule["bar"] for rule in certificate["rules"]}
    channels: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    on_top: Counter[str] = Counter()
    longest = run = fresh = 0
    before = None
    for place, item in enumerate(items):
        category = item["category"] or None
        if item["channel"]:
            channels[item["channel"]] += 1
        if category:
            categories[category] += 1
        run = run + 1 if category and category == before else int(category is not None)
        longest, before = max(longest, run), category
        if place < certificate["top"]:
            on_top.update(set(item["genres"]))
        fresh += item["published_at"] >= certificate["fresh_from"]
    in_row = 0
    for row in page["rows"]:
        if row["row_id"] not in ("continue_watching", "explore", "top_picks", "more"):
            in_row = max(in_row, *Counter(item["channel"] for item in row["items"] if item["channel"]).values(), 0)
    everything = [item["video_id"] for row in page["rows"] for item in row["items"]]
    counted = [item for row in page["rows"] if row["row_id"] != "continue_watching" for item in row["items"]]
    creators, of_page = (Counter(item[name] for item in counted if item[name]) for name in ("channel", "category"))
    creator, category = max(creators.values(), default=0), max(of_page.values(), default=0)
    genre = max(Counter(name for item in counted for name in set(item["genres"])).values(), default=0)
    many = {"popular", "popular_in_area", "trending"}
    popular = sum(1 for item in items if many & set(item["sources"]))
    most = {
        name: max(counts.values(), default=0) for name, counts in (("c", channels), ("g", categories), ("t", on_top))
    }
    return {
        "count": (len(items), len(items) >= bars["count"]),
        "duplicates_on_page": (len(everything) - len(set(everything)), len(everything) == len(set(everything))),
        "same_title_on_page": (0, True),  # tests/bento_services/feed/test_near_duplicates.py
        "near_duplicates_on_page": (0, True),
        "max_per_creator_in_row": (in_row, in_row <= bars["max_per_creator_in_row"]),
        "max_per_creator": (most["c"], most["c"] <= bars["max_per_creator"]),
        "max_category_share": (most["g"], most["g"] <= bars["max_category_share"]),
        "max_category_run": (longest, longest <= bars["max_category_run"]),
        "max_genre_in_top": (most["t"], most["t"] <= bars["max_genre_in_top"]),
        "min_fresh": (fresh, fresh >= bars["min_fresh"]),
        "max_per_creator_on_page": (creator, creator <= bars["max_per_creator_on_page"]),
        "max_category_share_on_page": (category, category <= bars["max_category_share_on_page"]),
        "max_genre_share_on_page": (genre, genre <= bars["max_genre_share_on_page"]),
        **(
            {"min_popular_share": (popular, popular >= bars["min_popular_share"])}
            if "min_popular_share" in bars
            else {}
        ),
    }


def assert_honest(page: Page) -> None:
    certificate = page.certificate
    claimed = {rule["rule"]: (rule["found"], rule["kept"]) for rule in certificate["rules"]}
    found = verify(page.to_json())
    assert claimed == found
    assert set(certificate["relaxed"]) == {rule for rule, (_, kept) in found.items() if not kept} - {"count"}


def feed_over(reader: MemoryReader, release: Any) -> Feed:
    return build_feed(release, reader, None, FeedConfig(deadline_ms=60_000), now_us=lambda: NOW_US)


@pytest.fixture(scope="module")
def big() -> Feed:
    return feed_over(feed_world.big_reader(), feed_world.big_release())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 45), st.integers(1, 60), st.text(max_size=8))
def test_what_the_certificate_says_is_what_the_page_shows(big: Feed, viewer: int, limit: int, request_id: str) -> None:
    assert_honest(big.page(Query(user_id=f"u{viewer:03}", limit=limit, request_id=request_id)))


@pytest.mark.parametrize("viewer", ["u000", "u001", "u002", "u003", "nobody"])
def test_a_catalog_that_can_keep_every_rule_keeps_every_rule(big: Feed, viewer: str) -> None:
    """400 videos, 67 creators, 12 genres, explored places included."""
    for number in range(10):
        page = big.page(Query(user_id=viewer, limit=20, request_id=f"request {number}"))
        assert page.certificate["relaxed"] == []
        assert_honest(page)


def test_a_catalog_of_one_creator_and_one_genre_gives_a_full_page_that_says_so() -> None:
    videos = feed_world.big_videos(60)
    for video in videos.values():
        video |= {"creator_id": "c1", "creator_name": "Creator 1", "genres": ["Genre 0"]}
        video |= {"published_timestamp_us": NOW_US - 90 * feed_world.DAY_US, "countries": [], "maturity": 0}
    release = feed_world.release_of(feed_world.BIG, videos, [["v00001", "v00002"]])
    page = feed_over(MemoryReader(feed_world.BIG, {}, videos), release).page(Query(user_id="new", limit=20))
    assert len(page.recommendations) == 20
    assert_honest(page)
    assert page.certificate["relaxed"] == [
        "max_category_run",
        "max_genre_in_top",
        "min_fresh",
        "max_category_share",
        "max_per_creator",
        "max_per_creator_on_page",
        "max_category_share_on_page",
        "max_genre_share_on_page",
    ]


def test_videos_without_genre_creator_or_date_are_no_offence() -> None:
    videos = feed_world.big_videos(60)
    for video in videos.values():
        video |= {"creator_id": "", "creator_name": "", "genres": [], "countries": [], "maturity": 0}
        video |= {"published_timestamp_us": 0}
    release = feed_world.release_of(feed_world.BIG, videos, [["v00001", "v00002"]])
    page = feed_over(MemoryReader(feed_world.BIG, {}, videos), release).page(Query(user_id="new", limit=20))
    assert_honest(page)
    assert page.certificate["relaxed"] == ["min_fresh"]
    assert {(item.channel, item.published_at) for item in page.recommendations} == {("", "")}


def test_fresh_means_the_date_and_not_the_hour() -> None:
    item = Item("v", "", "c", "", 0, 0, "2025-05-30", 0, "", "", (), 0, "", 1.0, ("Drama",))
    older = replace(item, video_id="w", published_at="2025-05-29")
    policy = load_policy()
    certificate = certify([], [item, older, *[replace(older, video_id=str(n)) for n in range(8)]], 10, policy, NOW_US)
    assert certificate["fresh_from"] == "2025-05-30"  # the toy world ends on 6 June at 00:00
    assert next(rule for rule in certificate["rules"] if rule["rule"] == "min_fresh") == {
        "rule": "min_fresh",
        "bar": 2,
        "found": 1,
        "kept": False,
    }


def test_a_run_of_a_heavy_genre_is_measured_on_the_page_and_said_where_it_could_not_be_kept() -> None:
    """Every fifth video of the big catalog is one of the heavy genre; then every one is."""
    policy = load_policy()
    heavy = modified(policy, context=modified(policy.context, heavy=("genre 0",)))
    videos = feed_world.big_videos(60)
    for number, video in enumerate(videos.values()):
        video |= {"genres": [f"Genre {number % 5}"], "countries": [], "maturity": 0}

    def page_of() -> Page:
        release = feed_world.release_of(feed_world.BIG, videos, [["v00001", "v00002"]])
        parts = Parts(release)
        config = FeedConfig(deadline_ms=60_000)
        serving = compose(parts, modified(recipe(config), policy=heavy))
        feed = Feed(
            release, MemoryReader(feed_world.BIG, {}, videos), None, config, lambda: NOW_US, lambda _: {"home": serving}
        )
        return feed.page(Query(user_id="new", limit=10))

    page = page_of()
    longest = {rule["rule"]: rule for rule in page.certificate["rules"]}["max_heavy_run"]
    runs = "".join("x" if "Genre 0" in item.genres else "." for item in page.recommendations)
    assert longest["found"] == 1
    assert "xx" not in runs
    assert "x" in runs
    assert verified(page.to_json()) == []
    lied = page.to_json()
    lied["recommendations"] = sorted(lied["recommendations"], key=lambda item: item["genres"])
    assert any(fault.startswith("max_heavy_run") for fault in verified(lied))
    for video in videos.values():
        video["genres"] = ["Genre 0"]
    page = page_of()
    assert "max_heavy_run" in page.certificate["relaxed"]
    assert verified(page.to_json()) == []


@pytest.mark.parametrize(("viewer", "share", "watches"), [("nobody", 0.8, "none"), ("u001", 0.1, "many")])
def test_the_share_of_popular_videos_is_served_said_and_counted(
    big: Feed, viewer: str, share: float, watches: str
) -> None:
    counted = [
        REGISTRY.get_sample_value("marquee_recommendations_total", {"watches": watches, "popular": "yes"}) or 0.0
    ]
    page = big.page(Query(user_id=viewer, limit=20, request_id="popular"))
    counted.append(
        REGISTRY.get_sample_value("marquee_recommendations_total", {"watches": watches, "popular": "yes"}) or 0
    )
    rule = {rule["rule"]: rule for rule in page.certificate["rules"]}["min_popular_share"]
    found = sum(bool({"popular", "popular_in_area", "trending"} & set(item.sources)) for item in page.recommendations)
    assert page.certificate["popular_share"] == share
    assert (rule["bar"], rule["found"], rule["kept"]) == (int(20 * share), found, True)
    assert counted[1] - counted[0] == found
    assert verified(page.to_json()) == []
    lied = page.to_json()
    lied["certificate"]["popular_share"] = 1.0
    assert any(fault.startswith("min_popular_share") for fault in verified(lied))
