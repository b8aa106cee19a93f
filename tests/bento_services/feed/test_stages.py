"""The request that every stage looks at, and the trace of what happened to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.stages import Request, Trace
from bento_services.feed.viewer import unread


@pytest.fixture
def request_() -> Request:
    query = Query(user_id="u001", device="tv", utc_offset_minutes=60)
    return Request(query, NOW_US, unread(query, FeedConfig()), feed_world.toy_reader().snapshot(), feed_world.TOY, 7)


def test_what_is_drawn_depends_on_the_request_and_the_purpose_alone(request_: Request) -> None:
    drawn = request_.rng("places").random(3).tolist()
    request_.rng("thompson").random(100)
    assert request_.rng("places").random(3).tolist() == drawn
    assert request_.rng("thompson").random(3).tolist() != drawn
    assert replace(request_, seed=8).rng("places").random(3).tolist() != drawn


def test_rows_stand_on_a_first_page_unless_a_flat_list_was_asked_for(request_: Request) -> None:
    assert request_.has_rows
    assert not replace(request_, page=1).has_rows
    assert not replace(request_, query=replace(request_.query, rows=False)).has_rows


def test_the_context_holds_one_row_of_what_was_asked(request_: Request) -> None:
    assert request_.context["device"].tolist() == ["tv"]
    assert {len(column) for column in request_.context.values()} == {1}


def test_a_stage_that_runs_twice_or_fails_is_timed_all_the_same() -> None:
    trace = Trace()
    with pytest.raises(KeyError), trace.stage("scorer"):
        raise KeyError
    first = trace.stage_ms["scorer"]
    with trace.stage("scorer"):
        pass
    assert 0 <= first <= trace.stage_ms["scorer"]
