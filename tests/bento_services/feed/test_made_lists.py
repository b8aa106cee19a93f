"""Lists are read when a rung asks, once, and made again behind the request: once, by one of all processes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import REGISTRY
from worlds import arithmetic as feed_world
from worlds.live import eventually, valkey
from worlds.loops import together

from bento_services.feed import made_lists
from bento_services.feed.attempt import Attempt
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.list_maker import ListMaker
from bento_services.feed.page import Page, Query
from bento_services.precompute.bases import maker_of, packed_bases
from feature_repo.store.connect import connect
from feature_repo.store.made_lists import ListStore, MadeList, MemoryLists, ValkeyLists, base_key
from feature_repo.store.memory import MemoryReader
from feature_repo.store.snapshot import UserFeatures
from models.release.artifact import Release

HOUR_US = 3_600_000_000
QUICK = Attempt(quick=True)


@dataclass
class World:
    """Feeds of several processes over one store, whose clock and viewers can be changed."""

    config: dict[str, Any] = field(default_factory=dict)
    reader: MemoryReader = field(default_factory=feed_world.toy_reader)
    release: Release = field(default_factory=feed_world.toy_release)
    now_us: int = feed_world.NOW_US
    feeds: list[Feed] = field(default_factory=list)

    def feed(self, reader: MemoryReader | None = None) -> Feed:
        settings = FeedConfig(
            **{"deadline_ms": 60_000, "list_share": 1.0, "segment_share": 1.0, "page_cache_pages": 0, **self.config}
        )
        self.feeds.append(build_feed(self.release, reader or self.reader, None, settings, lambda: self.now_us))
        return self.feeds[-1]

    def put_base(self, user_id: str, release: Release | None = None) -> None:
        maker = maker_of(release or self.release, FeedConfig())
        bases = packed_bases(maker, self.reader.snapshot(), self.now_us, [self.reader.user(user_id)])
        self.reader.lists.put({base_key(user): packed for user, packed in bases}, 1e6)

    def watches(self, user_id: str, video_id: str) -> None:
        user = self.reader.users_by_id[user_id]
        user["seen_video_ids"] = [*user["seen_video_ids"], video_id]
        user["history_video_ids"] = [*user["history_video_ids"], video_id]
        user["history_timestamps_us"] = [*user["history_timestamps_us"], self.now_us]
        user["history_watch_fractions"] = [*user["history_watch_fractions"], 1.0]
        user["user_activity_timestamp_us"] = self.now_us


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for feed in made.feeds:
        feed.close()


def quickly(feed: Feed, user_id: str, **query: Any) -> Page:
    return feed.page(Query(user_id=user_id, **query), attempt=Attempt(quick=True))


def shown(page: Page) -> list[str]:
    return [item.video_id for row in page.rows for item in row.items]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_while_the_service_is_busy_a_base_is_made_behind_the_page_and_shown_from_then_on(world: World) -> None:
    feed = world.feed()
    assert quickly(feed, "heavy").speed == "full"  # nothing was made yet: popular
    feed.settle()
    world.now_us += HOUR_US
    page = quickly(feed, "heavy")
    assert (page.served_by, page.speed, page.age_seconds) == ("base_order", "base", 3600.0)


def test_a_segments_list_does_not_wait_for_the_bases_of_viewers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on, make = threading.Event(), ListMaker.make

    def slowly(self: ListMaker, viewers: Sequence[UserFeatures], *of: Any) -> list[MadeList]:
        if viewers[0].user_id:
            may_go_on.wait(10)
        return make(self, viewers, *of)

    monkeypatch.setattr(ListMaker, "make", slowly)
    feed = world.feed()
    quickly(feed, "heavy")
    quickly(feed, "stranger")
    eventually(lambda: quickly(feed, "stranger").served_by == "segment", 10)
    may_go_on.set()


def test_while_all_is_well_nothing_is_read_or_made(world: World) -> None:
    feed = world.feed()
    for _ in range(3):
        assert feed.page(Query(user_id="heavy")).served_by == "full_funnel"
    feed.settle()
    assert world.reader.lists.get(base_key("heavy")) is None


def test_with_base_first_a_current_base_is_ranked_again_in_place_of_the_full_funnel(world: World) -> None:
    world.config = {"base_first": True}
    feed = world.feed()
    assert feed.page(Query(user_id="heavy")).speed == "full"
    feed.settle()
    page = feed.page(Query(user_id="heavy"))
    assert (page.served_by, page.speed) == ("base_reranked", "base")


def test_after_an_event_the_full_funnel_answers_and_the_base_is_made_again_behind_it(world: World) -> None:
    world.config = {"base_first": True}
    feed = world.feed()
    world.put_base("heavy")
    world.now_us += HOUR_US
    first = feed.page(Query(user_id="heavy"))
    assert first.served_by == "base_reranked"
    watched = shown(first)[0]
    world.watches("heavy", watched)
    page = feed.page(Query(user_id="heavy"))
    assert (page.served_by, watched in shown(page)) == ("full_funnel", False)
    feed.settle()
    assert feed.page(Query(user_id="heavy")).served_by == "base_reranked"


@pytest.mark.parametrize("rung", ["base_reranked", "base_order"])
def test_what_was_watched_is_gone_from_the_next_page_made_from_a_base_of_before(world: World, rung: str) -> None:
    feed = world.feed()
    world.put_base("heavy")
    above = {"base_reranked": "full_funnel", "base_order": "base_reranked"}[rung]

    def page() -> Page:
        return feed.page(Query(user_id="heavy", limit=5), attempt=Attempt(below=above))

    watched = page().recommendations[0].video_id
    world.watches("heavy", watched)
    assert page().served_by == rung
    assert watched not in shown(page())


def test_a_base_of_another_release_is_shown_in_its_order_but_not_ranked_again(world: World) -> None:
    feed = world.feed()
    world.put_base("heavy", feed_world.toy_release(release_id="r-000000000002"))
    page = feed.page(Query(user_id="heavy"), attempt=Attempt(below="full_funnel"))
    assert page.served_by == "base_order"


def test_an_old_base_is_stale_and_shown_while_it_is_made_again(world: World) -> None:
    feed = world.feed()
    world.put_base("heavy")
    world.now_us += 7 * HOUR_US
    before = {result: counted("marquee_made_lists_total", list="base", result=result) for result in ("hit", "stale")}
    assert quickly(feed, "heavy").age_seconds == 7 * 3600.0
    feed.settle()
    assert quickly(feed, "heavy").age_seconds == 0.0
    for result, count in before.items():
        assert counted("marquee_made_lists_total", list="base", result=result) == count + 1


def test_new_and_anonymous_viewers_share_the_list_of_their_segment(world: World) -> None:
    feed = world.feed()
    assert quickly(feed, "").served_by == "popular"
    feed.settle()
    page = quickly(feed, "")
    assert (page.served_by, page.speed) == ("segment", "segment")
    assert page.recommendations


def test_a_segments_list_is_shown_while_it_is_made_again_and_while_the_store_is_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, clock = world.feed(), [1000.0]
    monkeypatch.setattr(made_lists, "monotonic", lambda: clock[0])
    quickly(feed, "")
    feed.settle()
    world.now_us += 301_000_000
    clock[0] += 301
    world.reader.down = True
    assert quickly(feed, "").age_seconds == 301.0
    feed.settle()
    world.reader.down = False
    clock[0] += 60
    assert quickly(feed, "").speed == "segment"


@pytest.fixture(params=["memory", "online"])
def lists(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[ListStore]:
    if request.param == "memory":
        yield MemoryLists()
        return
    with valkey(tmp_path) as url:
        client = connect(url, 5.0)
        yield ValkeyLists(client, client)
        client.close()


def test_after_the_caches_are_cleared_64_callers_of_four_processes_cause_one_computation_per_key(
    world: World, lists: ListStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, lock = Counter[str](), threading.Lock()
    original = ListMaker._list_of

    def counting(self: ListMaker, features: Any, *rest: Any) -> Any:
        with lock:
            made[features.user_id] += 1
        return original(self, features, *rest)

    monkeypatch.setattr(ListMaker, "_list_of", counting)
    feeds = []
    for _ in range(4):
        reader = feed_world.toy_reader()
        reader.lists = lists
        feeds.append(world.feed(reader))

    def call(caller: int) -> None:
        for user_id in ("heavy", "light", ""):
            quickly(feeds[caller % 4], user_id, device="tv")

    together(64, call)
    for feed in feeds:
        feed.settle()
    segments = made.pop("")
    assert made == {"heavy": 1, "light": 1}
    assert 1 <= segments <= 3  # one of each viewer's segment
    assert quickly(feeds[0], "heavy", device="tv").speed == "base"


def test_a_store_that_is_down_costs_a_lower_rung_and_nothing_else(world: World) -> None:
    feed = world.feed()
    world.put_base("heavy")
    world.reader.lists = MemoryLists(lambda: True)
    other = world.feed()
    assert quickly(feed, "heavy").served_by == "base_order"
    assert quickly(other, "heavy").served_by == "popular"


def test_a_page_from_a_base_that_leads_is_cached_with_the_age_of_its_base(world: World) -> None:
    world.config = {"base_first": True, "page_cache_pages": 10}
    feed = world.feed()
    world.put_base("heavy")
    world.now_us += 60_000_000
    feed.page(Query(user_id="heavy"))
    world.now_us += 10_000_000
    cached = feed.cached(Query(user_id="heavy"))
    assert cached is not None
    assert (cached.speed, cached.served_by, cached.age_seconds) == ("page_cache", "base_reranked", 70.0)


def test_a_page_from_a_base_that_does_not_lead_is_not_cached(world: World) -> None:
    world.config = {"page_cache_pages": 10}
    feed = world.feed()
    world.put_base("heavy")
    assert quickly(feed, "heavy").speed == "base"
    assert feed.cached(Query(user_id="heavy")) is None
