"""A source is one object: what a page is served is what training measured the recall of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.compose import compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.parts import Parts
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.stages import Request
from bento_services.feed.surfaces import home
from feature_repo.core.home import Home
from feature_repo.store.memory import MemoryReader
from models.allowed import Allowed
from models.candidates.sources.creators import CREATORS
from models.candidates.sources.factors import FACTORS
from models.candidates.sources.registry import MEASURED, SOURCES
from models.candidates.sources.spec import SourceSpec
from models.candidates.sources.two_tower import TWO_TOWER
from models.catalog import CatalogTable
from models.release.artifact import Release
from models.retrieval.index import VideoIndex
from training.data.splits import Holdout, Sequences
from training.data.viewer_context import ViewerContexts
from training.fit.source_lists import Trained, lists
from training.fit.source_models import FactorsConfig
from training.fit.source_questions import Counters, SourceQuestion

COUNT = 150
VIDEOS, USERS = feed_world.big_videos(COUNT), feed_world.big_users(videos=COUNT)
USERS["new"] = {"country": "US", "maturity_limit": 18, "signup_timestamp_us": NOW_US - 1}
READER = MemoryReader(feed_world.BIG, USERS, VIDEOS)
WATCHERS = {user_id: user for user_id, user in USERS.items() if "history_video_ids" in user}


@pytest.fixture(scope="module")
def release() -> Release:
    return feed_world.with_all_sources(feed_world.big_release(COUNT), VIDEOS, WATCHERS)


def measured(release: Release, spec: SourceSpec, user_id: str) -> list[str]:
    """The list on which training measures this source's recall."""
    snapshot = READER.snapshot()
    assert release.factors is not None
    assert release.content is not None
    assert release.area is not None
    index = VideoIndex.build(snapshot.video_ids.tolist(), np.asarray(release.retrieval.item_vectors))
    trained = Trained(
        retrieval=release.retrieval,
        contexts=ViewerContexts.of(Home(Path()), listens=False),
        index=index,
        item_cf=release.item_cf,
        content=release.content,
        factors=release.factors,
        factors_config=FactorsConfig(),
    )
    countries = {user: str(row["country"]) for user, row in USERS.items()}
    counters = Counters(NOW_US, {}, release.area, countries)
    user = USERS[user_id]
    history, times = list(user.get("history_video_ids", [])), list(user.get("history_timestamps_us", []))
    nothing = np.zeros(0, dtype=object)
    past = Sequences(nothing, nothing, np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64))
    holdout = Holdout([user_id], [history], [times], np.array([NOW_US]), [[]])
    asks = SourceQuestion(holdout, past, counters, CatalogTable(snapshot.video_ids, snapshot.columns))
    found = lists(spec, asks, trained)[0]
    return [str(snapshot.video_ids[row]) for row in found[found >= 0]]


@pytest.mark.parametrize("user_id", ["u001", "u002", "new"])
@pytest.mark.parametrize("spec", [spec for spec in MEASURED if spec.name != CREATORS], ids=lambda spec: spec.name)
def test_a_served_source_brings_what_its_recall_was_measured_on(
    release: Release, spec: SourceSpec, user_id: str
) -> None:
    source = spec.name
    rung = compose(Parts(release), home.recipe(FeedConfig())).ladder.rung("full_funnel").pipeline
    query = Query(user_id=user_id, request_id="r", limit=20)
    viewer = ViewerFeatures(READER, FeedConfig()).read(query, NOW_US)
    request = Request(query, NOW_US, viewer, READER.snapshot(), feed_world.BIG, seed=1)
    for hydrator in rung.query_hydrators:
        request = hydrator.hydrate(request)
    seen = set(request.viewer.history_ids)
    unseen = Allowed.of(np.array([video_id not in seen for video_id in request.catalog.video_ids]))
    stage = next(stage for stage in rung.sources if stage.name == source)
    found = stage.find(request, unseen)
    served = request.catalog.video_ids[found.rows].tolist()
    expected = measured(release, spec, user_id)
    assert len(served) == len(expected)
    assert set(served) == set(expected)
    if source in (TWO_TOWER, FACTORS):  # here videos have equal scores, which may stand in any order
        score = dict(zip(served, found.scores.tolist(), strict=True))
        assert [score[v] for v in served] == pytest.approx([score[v] for v in expected], abs=1e-5)
    else:
        assert served == expected


def test_every_measured_source_is_served_and_every_name_is_used_once(release: Release) -> None:
    names = [spec.name for spec in SOURCES]
    assert len(names) == len(set(names))
    rung = compose(Parts(release), home.recipe(FeedConfig())).ladder.rung("full_funnel").pipeline
    assert [stage.name for stage in rung.sources] == names
    assert {spec.name for spec in MEASURED} <= set(names)


def test_a_source_that_is_added_to_the_one_list_is_served_and_measured(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else has to be touched: a spec that is in the list has its size, its weight and its recall."""
    twin = replace(MEASURED[1], name="twin", size_fused=7)
    monkeypatch.setattr(home, "SOURCES", (*SOURCES, twin))
    ladder = compose(Parts(release), home.recipe(FeedConfig())).ladder
    for rung in ("full_funnel", "retrieval_only", "similar_and_trending"):
        stage = next(stage for stage in ladder.rung(rung).pipeline.sources if stage.name == "twin")
        assert stage.size == 7  # type: ignore[attr-defined]
    assert measured(release, twin, "u001") == measured(release, MEASURED[1], "u001")
