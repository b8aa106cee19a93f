"""A page as the feed makes it, as callers get it, and as JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from worlds.by_hand import item

from bento_services.feed.page import Page, Query, Row

ROW = Row("top_picks", "Top picks", "From what you watch", (item(1, "top_picks"),))
PAGE = Page("q", (ROW,), ROW.items, "", "full_funnel", "r-1", {"relaxed": []}, {"score": 1.23456, "rank": 2.0}, 7)


def test_callers_get_no_empty_cursor_and_times_in_whole_microseconds() -> None:
    sent = PAGE.as_sent()
    assert sent.cursor is None
    assert sent.stage_ms == {"score": 1.235, "rank": 2.0}
    assert msgspec.structs.replace(PAGE, cursor="more").as_sent().cursor == "more"
    assert (PAGE.cursor, PAGE.stage_ms) == ("", {"score": 1.23456, "rank": 2.0})


def test_a_page_is_json_with_its_fields_in_their_order() -> None:
    fields = json.loads(json.dumps(PAGE.to_json()))
    assert list(fields) == [field.name for field in msgspec.structs.fields(Page)]
    assert fields["rows"][0]["items"][0] == fields["recommendations"][0]
    assert fields["recommendations"][0]["video_id"] == "v1"
    assert fields["stage_ms"]["score"] == 1.23456


def test_a_session_stands_in_for_a_viewer() -> None:
    assert Query(user_id="u1", session_id="s1").viewer_id == "u1"
    assert Query(session_id="s1").viewer_id == "s1"
    assert Query().viewer_id == ""


def test_who_refuses_personal_pages_is_somebody_unknown_to_those_who_watch_with_them() -> None:
    def left(*refusing: str, **asked: Any) -> Query:
        return Query(**asked).without(lambda one: one in refusing)

    alone: dict[str, Any] = {"user_id": "a"}
    together: dict[str, Any] = {"user_id": "a", "viewers": ("b", "c"), "last_watched_item_id": "v"}
    assert left(**together) == Query(**together)
    assert left("a", **alone) == Query()
    assert left("s", session_id="s") == Query()
    assert left("b", **together) == Query(user_id="a", viewers=("c",), strangers=True, last_watched_item_id="v")
    assert left("a", **together) == Query(user_id="b", viewers=("c",), strangers=True)
    assert left("a", "b", **together) == Query(user_id="c", strangers=True)
    assert left("a", "b", "c", **together) == Query(strangers=True)
