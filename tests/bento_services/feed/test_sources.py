"""What a source brings is what recall is measured on, and a blend cuts without emptying a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed import hydrators, sources
from bento_services.feed import truncation as cuts
from bento_services.feed.build import FULL_FUNNEL, build_feed, serve
from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.pipeline import Request
from bento_services.feed.viewer import ViewerHydrator
from feature_repo.compute.fold import decayed
from feature_repo.core.home import Home
from feature_repo.store.memory import MemoryReader
from models.candidates import heuristics as rules
from models.candidates.fusion import Blend, Weight
from models.page.diversity import codes
from models.release.artifact import Release
from training.data.splits import Holdout, Sequences
from training.data.viewer_context import ViewerContexts
from training.fit import source_lists
from training.fit.source_lists import Trained
from training.fit.source_models import FactorsConfig
from training.fit.source_questions import Catalog, Counters, SourceQuestion

COUNT = 150
VIDEOS, USERS = feed_world.big_videos(COUNT), feed_world.big_users(videos=COUNT)
USERS["new"] = {"country": "US", "maturity_limit": 18, "signup_timestamp_us": NOW_US - 1}
READER = MemoryReader(feed_world.BIG, USERS, VIDEOS)
WATCHERS = {user_id: user for user_id, user in USERS.items() if "history_video_ids" in user}


@pytest.fixture(scope="module")
def release() -> Release:
    return feed_world.with_all_sources(feed_world.big_release(COUNT), VIDEOS, WATCHERS)


def request_of(user_id: str) -> Request:
    query = Query(user_id=user_id, request_id="r", limit=20)
    viewer = ViewerHydrator(READER, FeedConfig()).hydrate(query, NOW_US)
    return Request(query, NOW_US, viewer, READER.snapshot(), feed_world.BIG, seed=1)


def measured(release: Release, source: str, user_id: str) -> list[str]:
    """The list on which training measures this source's recall."""
    columns, ids = READER.snapshot().columns, READER.snapshot().video_ids.tolist()
    assert release.factors is not None
    assert release.content is not None
    assert release.area is not None
    catalog = Catalog(
        ids,
        READER.snapshot().row_of,
        np.array(codes(columns["creator_id"].tolist())),
        np.array(codes(columns["series_id"].tolist())),
        columns["episode"],
        columns["published_timestamp_us"],
    )
    vectors = np.asarray(release.retrieval.item_vectors)
    nobody = ViewerContexts.of(Home(Path()), listens=False)
    trained = Trained(
        release.retrieval, nobody, vectors, release.item_cf, release.content, release.factors, FactorsConfig()
    )
    counters = Counters(
        NOW_US,
        decayed(columns["watch_decayed_1d"], columns["video_activity_timestamp_us"], NOW_US, 1.0),
        rules.popular(columns["video_watch_count_30d"], columns["video_watch_count"]),
        release.area,
        {user: str(row["country"]) for user, row in USERS.items()},
    )
    user = USERS[user_id]
    history, times = list(user.get("history_video_ids", [])), list(user.get("history_timestamps_us", []))
    nothing = np.zeros(0, dtype=object)
    past = Sequences(nothing, nothing, np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64))
    asks = SourceQuestion(Holdout([user_id], [history], [times], np.array([NOW_US]), [[]]), past, counters)
    found = source_lists.lists(source, asks, catalog, trained)[0]
    return [ids[row] for row in found[found >= 0]]


@pytest.mark.parametrize("user_id", ["u001", "u002", "new"])
@pytest.mark.parametrize("source", [name for name in source_lists.SOURCES if name != "creators"])
def test_a_served_source_brings_what_its_recall_was_measured_on(release: Release, source: str, user_id: str) -> None:
    rung = serve(release, FeedConfig()).ladder[0].pipeline
    request = request_of(user_id)
    assert rung.user_vector is not None
    request = replace(request, user_vector=rung.user_vector(request))
    seen = set(request.viewer.history_ids)
    unseen = np.array([video_id not in seen for video_id in request.catalog.video_ids])
    stage = next(stage for stage in rung.sources if stage.name == source)
    served = request.catalog.video_ids[stage.find(request, unseen).rows].tolist()
    expected = measured(release, source, user_id)
    assert len(served) == len(expected)
    assert set(served) == set(expected)
    if source in ("two_tower", "matrix_factorization"):  # here videos have equal scores, which may stand in any order
        score = dict(zip(served, stage.find(request, unseen).score_of(source).tolist(), strict=True))
        assert [score[v] for v in served] == pytest.approx([score[v] for v in expected], abs=1e-5)
    else:
        assert served == expected


def test_the_tower_hears_the_profile_and_the_request() -> None:
    sunday_us = 3 * 86_400_000_000  # 4 January 1970, midnight
    query = Query(user_id="new", device="tv", country="JP", utc_offset_minutes=9 * 60)
    viewer = ViewerHydrator(READER, FeedConfig()).hydrate(query, sunday_us)
    request = Request(query, sunday_us, viewer, READER.snapshot(), feed_world.BIG, seed=1)
    found = {name: column.tolist() for name, column in hydrators.asker([request, request_of("nobody")]).items()}
    assert {name: values[0] for name, values in found.items()} == {
        "country": "US", "user_language": "", "age_group": "", "device": "tv", "day_part": "weekend 2",
    }  # fmt: skip
    assert [found[name][1] for name in ("country", "device")] == ["", ""]


def test_the_creators_source_brings_only_videos_of_liked_creators(release: Release) -> None:
    request = request_of("u001")  # likes c1
    found = sources.OfCreators(50).find(request, np.ones(COUNT, dtype=bool))
    creators = request.catalog.columns["creator_id"]
    assert set(creators[found.rows]) == {"c1"}
    assert len(found) == (creators == "c1").sum()


def test_a_video_one_is_not_interested_in_does_not_vote() -> None:
    release = feed_world.with_all_sources(feed_world.big_release(COUNT), VIDEOS, WATCHERS)
    history = USERS["u001"]["history_video_ids"]
    users = {**USERS, "cross": {**USERS["u001"], "hidden_video_ids": list(history)}}
    reader = MemoryReader(feed_world.BIG, users, VIDEOS)
    query = Query(user_id="cross", request_id="r")
    viewer = ViewerHydrator(reader, FeedConfig()).hydrate(query, NOW_US)
    request = Request(query, NOW_US, viewer, reader.snapshot(), feed_world.BIG, seed=1)
    assert release.factors is not None
    everything = np.ones(COUNT, dtype=bool)
    assert len(sources.matrix_factorization(release.factors, 50).find(request, everything)) == 0
    assert len(sources.Alike(sources.ITEM_ITEM, release.item_cf, 50).find(request, everything)) == 0


def test_a_blend_takes_the_best_odds_and_keeps_what_rows_need() -> None:
    blend = Blend((0,), ({"personal": Weight(0.0, 5.0), "popular": Weight(0.0, 1.0)},))
    found = Candidates.merged(
        [
            Candidates.found("personal", np.arange(300), -np.arange(300)),
            Candidates.found("popular", np.arange(290, 400), -np.arange(110)),
            Candidates.found("explore", [500, 501], [2, 1]),
        ]
    )
    cut = cuts.ByBlend(blend, 100, {"popular": 20, "explore": 100})
    kept = found.take(cut.order(request_of("new"), found))
    assert len(kept) == 100
    assert {500, 501} <= set(kept.rows.tolist())
    assert set(range(290, 310)) <= set(kept.rows.tolist())
    best = [row for row in range(300) if row not in range(290, 310)][: 100 - 22]
    assert set(best) <= set(kept.rows.tolist())
    assert kept.rows[0] == 0
    assert kept.rows.tolist()[-2:] == [500, 501]  # nobody said anything of these


def test_every_source_of_a_candidate_is_told(release: Release) -> None:
    feed = build_feed(release, READER, None, FeedConfig(explore=False), now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="u001", limit=20, log=False))
    assert page.served_by == FULL_FUNNEL
    assert not page.warnings
    told = {source for row in page.rows for item in row.items for source in item.sources}
    assert {"two_tower", "item_item", "matrix_factorization", "content", "popular_in_area", "popular"} <= told


def test_a_source_that_breaks_leaves_the_page_whole(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no factors")

    monkeypatch.setattr("models.candidates.matrix_factorization.MatrixFactorization.user_vectors", broken)
    feed = build_feed(release, READER, None, now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="u001", limit=20, log=False))
    assert (page.served_by, len(page.recommendations)) == (FULL_FUNNEL, 20)
    assert page.warnings == ("matrix_factorization left out: OSError",)


@pytest.mark.parametrize("who", [Query(user_id="nobody"), Query(session_id="s-1"), Query()])
def test_a_first_watch_changes_the_page_of_whoever_watches(release: Release, who: Query) -> None:
    """A new user, an anonymous session and a request without any id are answered alike."""
    feed = build_feed(release, READER, None, FeedConfig(explore=False), now_us=lambda: NOW_US)
    before = feed.page(replace(who, log=False, request_id="a"))
    after = feed.page(replace(who, log=False, request_id="a", last_watched_item_id="v00010"))
    assert before.served_by == after.served_by == FULL_FUNNEL
    first, second = ({item.video_id for item in page.recommendations} for page in (before, after))
    assert len(first & second) <= 15
    assert "v00010" not in second
