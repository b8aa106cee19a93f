"""The contract of each kind of stage, once, for every stage that a feed is wired with and every kind of viewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.candidates import Candidates
from bento_services.feed.compose import Serving, compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.stages import Hydrator, QueryHydrator, Request, Reranker, Scorer, Selector, Source
from bento_services.feed.surfaces.registry import SURFACES
from bento_services.feed.viewer import Knowledge
from feature_repo.store.made_lists import MadeList
from feature_repo.store.memory import MemoryReader
from models.allowed import Allowed
from models.candidates.columns import SCORE, VIEWER_SCORE
from models.candidates.sources.resume import RESUME
from models.page.filters import NOT_SHOWN, NOVELTY, SAFETY, all_of
from models.page.rules import Filter, RowFilter, ViewerFilter
from models.release.artifact import Release

CONFIG = FeedConfig()
KNOWN = (
    "rank",
    "search",
    RESUME,
)  # surfaces of what the viewer knows already
VIEWERS = ("u000", "u001", "new", "everything", "")


@cache
def servings() -> tuple[Serving, ...]:
    """Every surface, from a small release and from one that has every source there is, and a fusion."""
    videos, users = feed_world.big_videos(120), feed_world.big_users(videos=120)
    small: Release = feed_world.big_release(120)
    whole = feed_world.with_all_sources(small, videos, users)
    return tuple(
        compose(parts, recipe(CONFIG)) for parts in (Parts(small), Parts(whole)) for recipe in SURFACES.values()
    )


@cache
def reader() -> MemoryReader:
    users, videos = feed_world.big_users(videos=120), feed_world.big_videos(120)
    users["new"] = {"country": "US", "maturity_limit": 18, "signup_timestamp_us": NOW_US - 1}
    users["everything"] = {**users["u001"], "seen_video_ids": sorted(videos)}
    return MemoryReader(feed_world.BIG, users, videos)


class Made:
    """The same list for whoever asks, of three videos that there are and one that is gone."""

    def base(self, request: Request) -> MadeList:
        vector = np.linspace(-1.0, 1.0, feed_world.DIM, dtype="<f4")
        return MadeList("r", NOW_US, NOW_US, NOW_US, vector.tobytes(), ("v00003", "gone", "v00050", "v00001"))

    base_of_release = segment = base

    def is_current(self, request: Request) -> bool:
        return True


def request_of(user_id: str, limit: int = 20) -> Request:
    query = Query(user_id=user_id, limit=limit, request_id="r")
    viewer = ViewerFeatures(reader(), CONFIG).read(query, NOW_US)
    assert viewer.knowledge is Knowledge.CURRENT
    request = Request(query, NOW_US, viewer, reader().snapshot(), feed_world.BIG, seed=1, lists=Made())
    for hydrator in pipeline("full_funnel").query_hydrators:
        request = hydrator.hydrate(request)
    assert request.user_vector is not None
    return request


def pipeline(rung: str) -> Pipeline:
    return servings()[0].ladder.rung(rung).pipeline


def _distinct(stages: Sequence[object]) -> list[object]:
    """One of those that do the same: surfaces share most of what they are made of."""
    return list({_does(stage): stage for stage in stages}.values())


def _does(part: object) -> object:
    """Equal for two stages of one kind that were made with the same settings and the same objects."""
    if isinstance(part, tuple):
        return tuple(map(_does, part))
    if part is None or isinstance(part, bool | int | float | str | Enum | frozenset):
        return type(part), part
    inside = getattr(part, "__dict__", None)
    if isinstance(part, type) or type(part).__module__.partition(".")[0] not in ("bento_services", "models"):
        return id(part)
    if inside is None and not is_dataclass(part):
        return id(part)
    names = [one.name for one in fields(part)] if is_dataclass(part) else sorted(inside or ())
    return type(part), tuple((name, _does(getattr(part, name))) for name in names)


PIPELINES = [rung.pipeline for one in servings() for rung in one.ladder]
FILTERS = _distinct([stage for one in PIPELINES for stage in (*one.safety, *one.novelty)])
SOURCES = _distinct([stage for one in PIPELINES for stage in (*one.sources, one.resume) if stage])
QUERY_HYDRATORS = _distinct([stage for one in PIPELINES for stage in one.query_hydrators])
HYDRATORS = _distinct([stage for one in PIPELINES for stage in one.hydrators])
SCORERS = _distinct([stage for one in PIPELINES for stage in one.scorers])
RERANKERS = _distinct([stage for one in PIPELINES for stage in one.rerankers])
TRUNCATIONS = _distinct([one.truncation for one in PIPELINES])
SELECTORS = _distinct([stage for one in PIPELINES for stage in (*one.selectors, *one.more)])


def allowed_for(request: Request, rung: str = "full_funnel") -> Allowed:
    return all_of((*pipeline(rung).safety, *pipeline(rung).novelty), request)


def candidates_for(request: Request) -> Candidates:
    """What the selectors of the full funnel are given."""
    one = pipeline("full_funnel")
    allowed = allowed_for(request)
    brought = [(source.name, source.find(request, allowed)) for source in one.sources]
    found = Candidates.merged([Candidates.found(name, own.rows, own.scores, **own.columns) for name, own in brought])
    for hydrator in one.hydrators:
        found = found.with_columns(hydrator.columns(request, found))
    for scorer in one.scorers:
        found = found.with_columns(scorer.score(request, found))
    return found.with_columns({VIEWER_SCORE: found[SCORE]})  # which lists of similar videos keep beside it


def copied(candidates: Candidates) -> dict[str, str]:
    """As text, in which NaN equals NaN."""
    return {name: repr(column.tolist()) for name, column in candidates.columns.items()}


def each(stages: Sequence[object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stage", stages, ids=lambda stage: stage.name)


@pytest.mark.parametrize("viewer", VIEWERS)
@each(FILTERS)
def test_a_filter_answers_for_every_video(stage: Filter, viewer: str) -> None:
    request = request_of(viewer)
    if isinstance(stage, ViewerFilter):
        rows = stage.excepted(request)
        assert ((rows >= 0) & (rows < len(request.catalog))).all()
        return
    if isinstance(stage, RowFilter):
        every = np.arange(len(request.catalog))
        assert stage.keep(request, every).shape == every.shape
        assert stage.keep(request, every[:0]).dtype == np.bool_
        return
    about = stage.about(request)
    assert hash(about) == hash(stage.about(request_of(viewer)))
    kept = stage.keep(request.catalog, slice(None), about, NOW_US)
    assert kept.dtype == np.bool_
    assert kept.shape == (len(request.catalog),)
    some = np.array([7, 3, 90])  # of each video by itself
    assert stage.keep(request.catalog, some, about, NOW_US).tolist() == kept[some].tolist()
    assert stage.keep(request.catalog, some[:0], about, NOW_US).dtype == np.bool_


@pytest.mark.parametrize("viewer", VIEWERS)
@each(SOURCES)
def test_a_source_brings_allowed_videos_once_best_first(stage: Source, viewer: str) -> None:
    request = request_of(viewer)
    allowed = allowed_for(request)
    found = stage.find(request, allowed)
    rows = found.rows.tolist()
    assert len(rows) == len(set(rows))
    assert allowed[rows].all()
    scores = found.scores
    assert np.isfinite(scores).all()
    if stage.name != RESUME:  # what was begun comes by its time
        assert (np.diff(scores) <= 1e-6).all()


@each(SOURCES)
def test_a_source_that_may_show_nothing_finds_nothing(stage: Source) -> None:
    request = request_of("u000")
    assert len(stage.find(request, Allowed.of(np.zeros(len(request.catalog), dtype=bool)))) == 0


@pytest.mark.parametrize("viewer", VIEWERS)
@each(HYDRATORS)
def test_a_hydrator_gives_one_value_per_candidate_in_their_order(stage: Hydrator, viewer: str) -> None:
    request = request_of(viewer)
    found = Candidates.found("any", [5, 1, 9], [1, 2, 3])
    columns = stage.columns(request, found)
    turned = stage.columns(request, found.take([2, 0, 1]))
    for name, column in columns.items():
        assert len(column) == 3
        np.testing.assert_allclose(column[[2, 0, 1]], turned[name], rtol=1e-6)


@pytest.mark.parametrize("viewer", VIEWERS)
@each(SCORERS)
def test_a_scorer_gives_each_candidate_its_score_whatever_their_order_and_how_many(stage: Scorer, viewer: str) -> None:
    request = request_of(viewer)
    found = candidates_for(request)
    before = copied(found)
    scores = stage.score(request, found)
    assert copied(found) == before
    assert len(scores["score"]) == len(found)
    assert np.isfinite(scores["score"]).all()
    none = stage.score(request, found.take(np.zeros(len(found), dtype=bool)))
    assert len(none["score"]) == 0
    if len(found):
        backwards = np.arange(len(found))[::-1]
        turned = stage.score(request, found.take(backwards))
        np.testing.assert_allclose(scores["score"][backwards], turned["score"], rtol=1e-5)


@pytest.mark.parametrize("viewer", VIEWERS)
@each(RERANKERS)
def test_a_reranker_gives_an_order_of_what_it_was_given(stage: Reranker, viewer: str) -> None:
    request = request_of(viewer, limit=5)
    found = candidates_for(request)
    order = stage.order(request, found).tolist()
    assert sorted(order) == list(range(len(found)))


@pytest.mark.parametrize("viewer", VIEWERS)
@each(TRUNCATIONS)
def test_a_truncation_lets_as_many_through_as_may_be_ranked(stage: Reranker, viewer: str) -> None:
    request = request_of(viewer, limit=5)
    found = candidates_for(request)
    assert sorted(stage.order(request, found).tolist()) == list(range(len(found)))  # there are fewer than may be
    many = Candidates.found("popular", np.arange(120), -np.arange(120))
    for n in (40, 119):
        order = replace(stage, n=n).order(request, many).tolist()  # type: ignore[type-var]
        assert len(order) == len(set(order)) == n


@pytest.mark.parametrize("viewer", VIEWERS)
@each(SELECTORS)
def test_a_selector_makes_rows_that_share_nothing(stage: Selector, viewer: str) -> None:
    request = request_of(viewer)
    found = candidates_for(request)
    before = copied(found)
    rows = stage.rows(request, found)
    assert copied(found) == before
    places = [int(place) for row in rows for place in row.order]
    assert len(places) == len(set(places))
    assert all(0 <= place < len(found) for place in places)
    for row in rows:
        assert row.row_id
        assert row.title
        assert row.propensity is None or len(row.propensity) == len(row.order)
        assert row.propensity is None or ((row.propensity > 0) & (row.propensity <= 1)).all()


@pytest.mark.parametrize("viewer", VIEWERS)
@each(QUERY_HYDRATORS)
def test_a_query_hydrator_adds_to_the_request_and_takes_nothing(stage: QueryHydrator, viewer: str) -> None:
    before = request_of(viewer)
    after = stage.hydrate(before)
    for name in ("query", "now_us", "catalog", "seed", "shown", "page", "give_up_at", "trace"):
        assert getattr(after, name) is getattr(before, name)


@pytest.mark.parametrize("rung", [(one.surface, rung.name) for one in servings() for rung in one.ladder])
def test_every_rung_has_every_hard_rule(rung: tuple[str, str]) -> None:
    for one in servings():
        if one.surface == rung[0]:
            pipeline = one.ladder.rung(rung[1]).pipeline
            assert pipeline.safety[: len(SAFETY)] == SAFETY
            assert set(pipeline.novelty) >= {NOT_SHOWN} if rung[0] in KNOWN else pipeline.novelty == NOVELTY
