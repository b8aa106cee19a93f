"""What the pipeline does around stages, with stages of a line each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.errors import StageFailed
from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.stages import Chosen, Request
from bento_services.feed.viewer import unread
from models.allowed import Allowed
from models.candidates.sources.spec import Found
from models.page.rules import SharedFilter

CATALOG = feed_world.toy_reader().snapshot()
V = len(CATALOG)


class Only(SharedFilter):
    def __init__(self, name: str, rows: list[int]) -> None:
        self.name = name
        self.mask = np.isin(np.arange(V), rows)

    def keep(self, catalog: Any, rows: Any, about: Any, now_us: int) -> np.ndarray:
        kept: np.ndarray = self.mask[rows]
        return kept


class Brings:
    def __init__(self, name: str, rows: list[int]) -> None:
        self.name = name
        self.rows = rows

    def find(self, request: Request, allowed: Allowed) -> Found:
        return Found(np.array(self.rows), -np.arange(len(self.rows), dtype=np.float64))


class ByRow:
    """Scores, orders and cuts by the row of the catalog, the last one first."""

    name = "by_row"

    def score(self, request: Request, candidates: Candidates) -> dict[str, np.ndarray]:
        return {"score": candidates.rows.astype(np.float32)}

    def order(self, request: Request, candidates: Candidates) -> np.ndarray:
        return np.argsort(-candidates.rows)

    def columns(self, request: Request, candidates: Candidates) -> dict[str, np.ndarray]:
        return {"vector": np.full(len(candidates), request.user_vector[0] if request.user_vector is not None else 0)}


class FirstTwo:
    def __init__(self, name: str) -> None:
        self.name = name

    def rows(self, request: Request, candidates: Candidates) -> list[Chosen]:
        return [Chosen(self.name, self.name, "", np.arange(min(2, len(candidates))))]


class Vector:
    name = "user_tower"

    def hydrate(self, request: Request) -> Request:
        return replace(request, user_vector=np.array([4.0]))


PIPELINE = Pipeline(
    safety=(Only("safe", [0, 1, 2, 3, 4, 5]),),
    novelty=(Only("new", [0, 1, 2, 3]),),
    sources=(Brings("a", [3, 1, 9]), Brings("b", [1, 2, 5])),
    truncation=ByRow(),
    scorers=(ByRow(),),
    rerankers=(ByRow(),),
    selectors=(FirstTwo("one"), FirstTwo("two")),
    more=(FirstTwo("more"),),
    query_hydrators=(Vector(),),
    hydrators=(ByRow(),),
    resume=Brings("resume", [5, 9]),
)


def request_of(**given: Any) -> Request:
    query = given.pop("query", Query())
    return Request(query, NOW_US, unread(query, FeedConfig()), CATALOG, feed_world.TOY, seed=1, **given)


def test_what_a_source_brings_is_held_against_the_filters_and_each_video_stands_once() -> None:
    request = request_of()
    made = PIPELINE.run(request)
    assert [(row.chosen.row_id, row.candidates.rows.tolist()) for row in made.rows] == [
        ("one", [5, 3]),
        ("two", [2, 1]),
    ]
    assert made.considered == 4
    assert request.trace.counts == {"a": 2, "b": 2, "resume": 1}  # 9 is not safe; 5 may be gone on with


def test_what_was_begun_is_asked_for_only_where_there_are_rows() -> None:
    for request in (request_of(page=1), request_of(query=Query(rows=False))):
        made = PIPELINE.run(request)
        assert [(row.chosen.row_id, row.candidates.rows.tolist()) for row in made.rows] == [("more", [3, 2])]
        assert "resume" not in request.trace.counts


def test_later_stages_see_what_a_query_hydrator_added() -> None:
    made = PIPELINE.run(request_of())
    assert made.rows[0].candidates["vector"].tolist() == [4.0, 4.0]


def test_every_stage_is_timed_by_its_name() -> None:
    request = request_of()
    PIPELINE.run(request)
    assert set(request.trace.stage_ms) == {"filters", "user_tower", "a", "b", "resume", "merge", "by_row", "rows"}


def test_a_stage_that_breaks_fails_the_pipeline_by_its_name() -> None:
    class Broken(FirstTwo):
        def score(self, request: Request, candidates: Candidates) -> dict[str, np.ndarray]:
            raise OSError("away")

    with pytest.raises(StageFailed) as failed:
        replace(PIPELINE, scorers=(Broken("ranker"),)).run(request_of())
    assert (failed.value.stage, failed.value.late) == ("ranker", False)
    assert "OSError: away" in str(failed.value)


def test_when_the_time_is_over_the_next_stage_is_not_begun() -> None:
    request = request_of(give_up_at=0.0)
    with pytest.raises(StageFailed) as failed:
        PIPELINE.run(request)
    assert (failed.value.stage, failed.value.late) == ("filters", True)
    assert request.trace.stage_ms == {}
