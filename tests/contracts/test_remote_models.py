"""What every holder of the models promises: those in this process and those behind the two services say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from worlds.arithmetic import NOW_US
from worlds.bento import RankingService, RetrievalService
from worlds.untrained import untrained_home, videos

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from bento_services.feed.parts import Parts
from bento_services.process.remote import Call, with_remote_models
from feature_repo.compute.columns import repeated
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import Home
from feature_repo.store.memory import MemoryReader
from models.allowed import Allowed
from models.bits import Bits
from models.candidates.sources import two_tower
from models.catalog import OfflineRequest
from models.ranking.protocol import Ranks
from models.ranking.sides import Asked
from models.release.artifact import Release, load_champion
from models.retrieval.cold_start import vectors_of
from models.retrieval.protocol import NearestVideos, Retrieval


@dataclass(frozen=True)
class Models:
    retrieval: Retrieval
    index: NearestVideos
    ranker: Ranks


def models_of(release: Release) -> Models:
    return Models(release.retrieval, release.index, release.ranker)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture(scope="module")
def release(home: Home) -> Release:
    return load_champion(home)[0]


@pytest.fixture(scope="module")
def split(home: Home, release: Release) -> Release:
    """The services themselves, called without the network between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARQUEE_HOME", str(home.root))
        made: tuple[Any, ...] = (RetrievalService, RankingService)  # BentoML makes services of the classes
        services = [service.inner() for service in made]
    return with_remote_models(release, *(calling(service) for service in services))


def calling(service: Any) -> Call:
    return lambda api, *arguments: getattr(service, api)(*arguments)


@pytest.fixture(params=["local", "remote"])
def models(request: pytest.FixtureRequest, release: Release, split: Release) -> Models:
    return models_of(release if request.param == "local" else split)


HISTORIES = [[], ["v00001"], ["v00002", "never heard of", "v00003"], [f"v{n:05d}" for n in range(40)]]
TIMES = [[NOW_US - 1_000_000 * (len(history) - at) for at in range(len(history))] for history in HISTORIES]
VIEWERS = {
    "u1": {
        "history_video_ids": HISTORIES[3],
        "history_timestamps_us": TIMES[3],
        "history_watch_fractions": [0.5] * len(HISTORIES[3]),
    }
}
NOW = np.full(len(HISTORIES), NOW_US)


def test_histories_become_the_vectors_of_the_model(models: Models, release: Release) -> None:
    vectors = models.retrieval.user_vectors(HISTORIES, TIMES, NOW)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, release.retrieval.user_vectors(HISTORIES, TIMES, NOW))


def test_nobody_gives_no_vector(models: Models, release: Release) -> None:
    found = models.retrieval.user_vectors([], [], np.zeros(0, dtype=np.int64))
    assert found.shape == (0, release.retrieval.dim)


def test_the_vectors_of_videos_are_at_hand(models: Models, release: Release) -> None:
    catalog = MemoryReader(release.world, {}, {**videos(), "brand new": videos()["v00001"]}).snapshot()
    found = vectors_of(models.retrieval, catalog.video_ids, catalog.rows)
    np.testing.assert_array_equal(found, vectors_of(release.retrieval, catalog.video_ids, catalog.rows))


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_video_published_since_the_release_is_found(release: Release, split: Release, where: str) -> None:
    """The index of the other process does not know it: it is searched here, beside the answer from there."""
    parts = Parts(release if where == "local" else split)
    catalog = {video_id: {**video, "genres": ["Drama"]} for video_id, video in videos().items()}
    reader = MemoryReader(release.world, {}, catalog)
    reader.follow(parts.follow)
    source = parts.source(two_tower.SPEC)
    assert source is not None
    reader.videos_by_id["zz"] = {**catalog["v00001"], "title": "Brand new"}
    snapshot = reader.refresh()
    vector = parts.video_vectors.of(snapshot)[snapshot.row_of["zz"]]
    request = OfflineRequest(catalog=snapshot, now_us=NOW_US, user_vector=vector * 100)
    everything = np.ones(len(snapshot), dtype=bool)
    found = snapshot.video_ids[source.find(request, Allowed.of(everything), len(snapshot)).rows].tolist()
    assert "zz" in found
    assert len(found) == len(set(found)) == len(snapshot)
    everything[snapshot.row_of["zz"]] = False  # taken down
    assert "zz" not in snapshot.video_ids[source.find(request, Allowed.of(everything), len(snapshot)).rows]


@pytest.mark.parametrize("allowed", [None, 0.3, 0.02])
def test_the_nearest_videos_are_those_of_the_index(models: Models, release: Release, allowed: float | None) -> None:
    queries = np.random.default_rng(1).normal(size=(3, release.retrieval.dim)).astype(np.float32)
    mask = None if allowed is None else Bits.of(np.random.default_rng(2).random(len(release.index.ids)) < allowed)
    assert list(models.index.ids) == list(release.index.ids)
    ids, scores = models.index.search(queries, 10, mask)
    expected_ids, expected_scores = release.index.search(queries, 10, mask)
    assert (ids.tolist(), ids.dtype, scores.dtype) == (expected_ids.tolist(), object, np.float32)
    np.testing.assert_array_equal(scores, expected_scores)
    rows, scores = models.index.search_rows(queries, 10, mask)
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(rows >= 0, ids != "")
    assert np.array(models.index.ids, dtype=object)[rows][rows >= 0].tolist() == ids[ids != ""].tolist()
    np.testing.assert_array_equal(scores, expected_scores)


def test_scores_are_those_of_the_ranker(models: Models, release: Release) -> None:
    candidates = asked(release)
    found, expected = models.ranker.rank(candidates), release.ranker.score(repeated(candidates.columns()))
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column)
    assert models.ranker.retrieval == release.ranker.retrieval


def test_no_candidate_is_no_score(models: Models, release: Release) -> None:
    assert {len(column) for column in models.ranker.rank(asked(release, 0)).values()} == {0}


def test_a_page_is_the_same_whoever_holds_the_models(release: Release, split: Release) -> None:
    pages = []
    for each in (release, split):
        feed = build_feed(each, MemoryReader(each.world, VIEWERS, videos()), None, now_us=lambda: NOW_US)
        page = feed.page(Query(user_id="u1", request_id="r", deadline_ms=60_000, log=False), "home")
        pages.append((page.served_by, page.rows, page.recommendations, page.warnings))
        feed.close()
    assert pages[0][0] == "full_funnel"
    assert pages[0] == pages[1]


def asked(release: Release, count: int = 5) -> Asked:
    """The first candidates of one viewer, as a request asks about them."""
    reader = MemoryReader(release.world, VIEWERS, videos())
    user = {**reader.user("u1").columns(), "user_id": np.array(["u1"], dtype=object)}
    context = context_columns([NOW_US], ["desktop"], [0], ["home"])
    scores = np.linspace(-1, 1, count, dtype=np.float32)
    return Asked(user, context, reader.snapshot(), np.arange(count), scores, release.world)
