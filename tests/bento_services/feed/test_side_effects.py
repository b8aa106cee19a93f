"""What the log keeps of a page: enough to train on, to audit and to replay the scores from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed import feed as feed_module
from bento_services.feed.attempt import Attempt, GivenUp
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from bento_services.feed.side_effects import MOST_AT_ONCE
from feature_repo.compute.columns import repeated
from feature_repo.schema import RECOMMENDATION_SERVED
from feature_repo.stream.log.protocol import EventLogDown
from feature_repo.stream.served import decode_served
from models.encoding.ranker import rank_columns


class Kept:
    """An event log of which only the end that the feed writes to is there."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str, bytes]] = []
        self.calls: list[int] = []  # items of each
        self.down = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def append(self, topic: str, items: Sequence[tuple[str, bytes]], *, durable: bool = True) -> list[str]:
        self.may_go_on.wait(10)
        if self.down:
            raise EventLogDown("told to be down")
        self.calls.append(len(items))
        self.items += [(topic, key, value) for key, value in items]
        return [str(len(self.items))]


def feed_of(log: Any, release: Any = None, now_us: Callable[[], int] = lambda: NOW_US) -> Feed:
    made_of = release or feed_world.toy_release(), feed_world.toy_reader()
    return build_feed(*made_of, log, FeedConfig(deadline_ms=60_000), now_us=now_us)


def served(log: Any, *queries: Query, release: Any = None) -> list[Page]:
    feed = feed_of(log, release)
    pages = [feed.page(query) for query in queries]
    feed.close()
    return pages


QUERY = Query(user_id="light", device="mobile", utc_offset_minutes=120, limit=5)


def test_a_page_that_nobody_waits_for_any_more_is_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    log, attempt = Kept(), Attempt()
    feed = feed_of(log)
    shown = feed_module._shown

    def meanwhile_given_up(*of: Any) -> Page:
        attempt.give_up(0.0)
        return shown(*of)

    monkeypatch.setattr(feed_module, "_shown", meanwhile_given_up)
    with pytest.raises(GivenUp):
        feed.page(QUERY, attempt=attempt)
    feed.close()
    assert log.items == []


def test_every_item_is_logged_where_it_stood_and_how_likely_that_was() -> None:
    log = Kept()
    (page,) = served(log, QUERY)
    ((topic, key, value),) = log.items
    record = decode_served(value)
    assert (topic, key) == (RECOMMENDATION_SERVED, "light")
    assert (record.request_id, record.user_id, record.timestamp_us) == (page.request_id, "light", NOW_US)
    assert (record.device, record.utc_offset_minutes, record.surface) == ("mobile", 120, "home")
    items = [item for row in page.rows for item in row.items]
    assert [(i.video_id, i.position, i.propensity) for i in record.items] == [
        (i.video_id, i.position, i.propensity) for i in items
    ]
    fields = msgspec.json.decode(value)
    assert (fields["served_by"], fields["release_id"]) == ("full_funnel", page.release_id)
    assert [item["score"] for item in fields["items"]] == [item.score for item in items]


def test_the_logged_features_are_those_that_the_ranker_scored() -> None:
    """Assembled anew from the reader, and scored anew: the same numbers."""
    log, release, reader = Kept(), feed_world.toy_release(), feed_world.toy_reader()
    (page,) = served(log, QUERY, release=release)
    fields = msgspec.json.decode(log.items[0][2])
    ids = [item["video_id"] for item in fields["items"]]
    n = len(ids)
    logged = {}
    for name, values in fields["features"].items():
        column = np.array(values)
        column = column.astype(object if column.dtype.kind == "U" else np.float32)
        logged[name] = np.broadcast_to(column, (n, *column.shape[1:]))
    catalog = reader.snapshot()
    context = {
        "timestamp_us": np.array([NOW_US]),
        "device": np.array(["mobile"], dtype=object),
        "utc_offset_minutes": np.array([120]),
        "surface": np.array(["home"], dtype=object),
    }
    rows = catalog.rows([catalog.row_of[video_id] for video_id in ids])
    videos = {**rows, "video_id": np.array(ids, dtype=object)}
    viewer = {**reader.user("light").columns(), "user_id": np.array(["light"], dtype=object)}
    expected = repeated(rank_columns(viewer, videos, context, logged["two_tower_score"], feed_world.TOY))
    assert list(logged) == list(expected)
    for name, column in expected.items():
        assert logged[name].tolist() == column.tolist(), name
    score = release.ranker.score(logged)["score"]
    boosts = {item.video_id: item.score for row in page.rows for item in row.items}
    for video_id, one in zip(ids, score, strict=True):
        assert boosts[video_id] / one == pytest.approx(1.1 if video_id == "v12" else 1.0, rel=1e-5)


def test_a_page_that_is_shown_again_is_logged_with_where_its_features_are() -> None:
    log, clock = Kept(), [NOW_US]
    feed = feed_of(log, now_us=lambda: clock[0])
    feed.page(replace(QUERY, request_id="made"))
    clock[0] += 60_000_000
    assert feed.cached(replace(QUERY, request_id="again")) is not None
    feed.close()
    made, again = (msgspec.json.decode(value) for _, _, value in log.items)
    assert made["features"]
    assert (made["features_of"], again["features"], again["features_of"]) == ("", {}, "made")
    assert [one["features_us"] for one in (made, again)] == [NOW_US, NOW_US]
    assert [one["timestamp_us"] for one in (made, again)] == [NOW_US, NOW_US + 60_000_000]
    assert (again["request_id"], again["items"]) == ("again", made["items"])


def test_pages_that_wait_for_the_log_are_written_in_one_call_in_their_order() -> None:
    log = Kept()
    log.may_go_on.clear()
    feed = feed_of(log)
    for number in range(1 + MOST_AT_ONCE + 3):
        feed.page(replace(QUERY, request_id=str(number)))
    log.may_go_on.set()
    feed.close()
    written = [msgspec.json.decode(value)["request_id"] for _, _, value in log.items]
    assert written == [str(number) for number in range(1 + MOST_AT_ONCE + 3)]
    assert max(log.calls) == MOST_AT_ONCE


def test_a_rung_without_models_logs_no_features() -> None:
    log, release = Kept(), feed_world.toy_release()
    feed_world.parts_of(release).retrieval.broken = RuntimeError()
    served(log, QUERY, release=release)
    fields = msgspec.json.decode(log.items[0][2])
    assert (fields["served_by"], fields["features"]) == ("similar_and_trending", {})
    assert len(fields["items"])


def test_a_page_that_nobody_sees_is_not_logged() -> None:
    log = Kept()
    served(log, Query(user_id="light", log=False))
    assert log.items == []


def test_a_log_that_is_down_costs_the_record_and_not_the_page() -> None:
    log = Kept()
    log.down = True
    assert served(log, QUERY)[0].served_by == "full_funnel"


def test_a_log_that_hangs_holds_up_no_page() -> None:
    log = Kept()
    log.may_go_on.clear()
    feed = feed_of(log)
    for number in range(FeedConfig().served_queue_pages + 20):
        assert feed.page(Query(user_id="new", limit=1, rows=False, request_id=str(number))).recommendations
    log.may_go_on.set()
    feed.close()
    assert FeedConfig().served_queue_pages <= len(log.items) < FeedConfig().served_queue_pages + 20
