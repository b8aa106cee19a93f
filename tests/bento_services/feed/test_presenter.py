"""Filled rows as they are shown: their order, their numbers, what every item says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query, Row
from bento_services.feed.pipeline import FilledRow
from bento_services.feed.presenter import present
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.reasons import REASONS, BecauseYouWatched, Shown
from bento_services.feed.stages import Chosen, Request
from bento_services.feed.viewer import unread

READER = feed_world.toy_reader()


def request_of(explain: bool = False) -> Request:
    query = Query(user_id="heavy", explain=explain)
    blank = Request(query, NOW_US, unread(query, FeedConfig()), READER.snapshot(), feed_world.TOY, seed=1)
    return ViewerFeatures(READER, FeedConfig()).hydrate(blank)


def row(row_id: str, rows: list[int], scores: list[float], fixed: bool = False) -> FilledRow:
    found = Candidates.found("popular", rows, scores).with_columns({"score": np.array(scores, dtype=np.float32)})
    return FilledRow(Chosen(row_id, row_id.title(), "", np.arange(len(rows)), None, fixed), found)


def shown(*rows: FilledRow, explain: bool = False) -> tuple[Row, ...]:
    return present(rows, request_of(explain), REASONS)


def test_fixed_rows_stand_first_and_the_others_by_their_best_videos() -> None:
    page = shown(row("low", [0, 1], [0.2, 0.1]), row("high", [2], [0.9]), row("pinned", [3], [0.0], fixed=True))
    assert [one.row_id for one in page] == ["pinned", "high", "low"]


def test_only_the_first_five_say_how_high_a_row_stands() -> None:
    long = row("long", list(range(7)), [0.5] * 5 + [0.0] * 2)
    assert [one.row_id for one in shown(row("short", [8], [0.4]), long)] == ["long", "short"]


def test_a_row_without_videos_is_not_shown_and_places_are_counted_over_the_page() -> None:
    page = shown(row("empty", [], []), row("a", [0, 1], [0.9, 0.8]), row("b", [2], [0.1]))
    assert [[item.position for item in one.items] for one in page] == [[0, 1], [2]]


def test_an_item_says_what_the_catalog_says() -> None:
    (one,) = shown(row("a", [7], [0.5]))  # v08
    item = one.items[0]
    columns = READER.snapshot().columns
    assert (item.video_id, item.title, item.channel) == ("v08", "Title v08", "Creator c3")
    assert item.view_count == columns["video_watch_count"][7]
    assert (item.source, item.sources, item.propensity, item.trace) == ("popular", ("popular",), 1.0, None)
    assert item.genres == ("Drama", "Comedy")
    assert item.thumbnail == "/thumbnails/v08.svg"


def test_a_picture_of_the_catalog_is_shown_as_it_is() -> None:
    request = request_of()
    columns = dict(request.catalog.columns)
    columns["thumbnail"] = columns["thumbnail"].copy()
    columns["thumbnail"][7] = "https://images.example.com/8.jpg"
    request = replace(request, catalog=replace(request.catalog, columns=columns))
    (one,) = present((row("a", [7], [0.5]),), request, REASONS)
    assert one.items[0].thumbnail == "https://images.example.com/8.jpg"


def test_a_trace_is_given_to_whoever_asks_for_it() -> None:
    (one,) = shown(row("a", [7], [0.5]), explain=True)
    trace = one.items[0].trace
    assert trace is not None
    assert (trace["sources"], trace["scores"], trace["features"]) == ({"popular": 0.5}, {"score": 0.5}, {})


def test_a_film_of_before_1970_says_when_it_was_published_and_one_without_a_title_has_a_name() -> None:
    request = request_of()
    columns = dict(request.catalog.columns)
    for name, values in (("published_timestamp_us", (-883612800_000_000, 0)), ("title", ("Casablanca", " "))):
        columns[name] = columns[name].copy()
        columns[name][[0, 1]] = values
    request = replace(request, catalog=replace(request.catalog, columns=columns))
    (one,) = present((row("a", [0, 1], [0.5, 0.4]),), request, REASONS)
    assert [(item.title, item.published_at) for item in one.items] == [("Casablanca", "1942-01-01"), ("Untitled", "")]
    because = BecauseYouWatched().words(Shown(request, "a", 0, {}, 1))
    assert because == "Because you watched “Untitled”"
