"""Ranking rows of a whole world hold what serving would have computed at the moment of each exposure."""

from pathlib import Path

import numpy as np
import pytest

from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold import UserState, VideoState, fold_user, fold_video, to_features
from feature_repo.compute.inputs import context_columns
from feature_repo.compute.votes import Votes
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.events import Event
from feature_repo.lake.tables import Lake
from feature_repo.registry import USER_WINDOWS, VIDEO_WINDOWS
from feature_repo.store.memory import MemoryReader
from models.encoding.ranker import rank_columns
from models.encoding.viewer_context import viewer_context_columns
from models.retrieval.artifact import RetrievalModel
from training.data.dataset import RankingRows, ranking_rows
from training.data.splits import time_cuts
from training.data.video_vectors import video_vectors

DAY_US = 86_400_000_000
CONTEXT = ("timestamp_us", "device", "utc_offset_minutes", "surface")


def exposures(home: Home, limit: int | None = None, seed: int = 0) -> RankingRows:
    cuts = time_cuts(Lake(home))
    return ranking_rows(
        home, cuts.t1_us, cuts.t2_us, RetrievalModel.load(home.models / "two_tower"), limit=limit, seed=seed
    )


@pytest.fixture(scope="module")
def sampled(small_world: Path) -> RankingRows:
    return exposures(Home(small_world), limit=200, seed=3)


def test_an_exposure_has_the_columns_that_serving_would_have_computed_then(
    small_world: Path, sampled: RankingRows
) -> None:
    home = Home(small_world)
    world, lake, retrieval = home.world(), Lake(home), RetrievalModel.load(home.models / "two_tower")
    rows = sampled
    videos = {row["video_id"]: row for row in lake.videos().to_pylist()}
    users = {row["user_id"]: row for row in lake.users().to_pylist()}
    slot = {name: at for at, name in enumerate(world.genres)}
    facts = {
        video_id: VideoFacts(tuple(slot[g] for g in row["genres"]), row["creator_id"], row["duration_seconds"])
        for video_id, row in videos.items()
    }
    events = [Event(**row) for row in lake.events().to_pylist()]
    shown = {row["request_id"]: row for row in lake.impressions().to_pylist()}
    ids, vectors = video_vectors(home, retrieval)
    windows = {*USER_WINDOWS, *VIDEO_WINDOWS}
    for at in range(0, len(rows), 23):
        now_us, user_id, video_id = int(rows.timestamps_us[at]), rows.user_ids[at], rows.video_ids[at]
        user, video, votes = UserState(), VideoState(), Votes()
        for event in events:
            if event.timestamp_us <= now_us:
                if event.user_id == user_id:
                    fold_user(user, event, facts[event.video_id], history_length=world.history_length)
                if event.video_id == video_id:
                    known = facts[event.video_id]
                    fold_video(video, event, known, counts=votes.first(event, known))
        reader = MemoryReader(
            world, {user_id: users[user_id] | to_features(user)}, {video_id: videos[video_id] | to_features(video)}
        )
        request = shown[rows.request_ids[at]]
        context = context_columns(*([request[name]] for name in CONTEXT))
        asker = viewer_context_columns(reader.user(user_id).columns(), context)
        vector = retrieval.user_vectors(
            [user.history_video_ids], [user.history_timestamps_us], np.array([now_us]), asker
        )
        score = vector @ vectors[list(ids).index(video_id)]
        viewer = {**reader.user(user_id).columns(), "user_id": np.array([user_id], dtype=object)}
        shown_video = {**reader.snapshot().columns, "video_id": reader.snapshot().video_ids}
        served = rank_columns(viewer, shown_video, context, score, world)
        for name, column in served.items():
            if name in windows:
                continue  # computed once a day from the lake, not by the fold
            trained = np.asarray(rows.columns[name])[at]
            values = np.asarray(column)
            if values.dtype == object:
                assert np.array_equal(trained, values[0]), name
            else:
                np.testing.assert_allclose(trained, values[0], rtol=1e-4, atol=1e-5, err_msg=name)


def test_rows_are_whole_requests_of_the_window_in_order_of_time(small_world: Path, sampled: RankingRows) -> None:
    home = Home(small_world)
    cuts = time_cuts(Lake(home))
    rows = sampled
    assert 100 <= len(rows) <= 200
    assert (np.diff(rows.timestamps_us) >= 0).all()
    assert cuts.t1_us <= rows.timestamps_us[0] <= rows.timestamps_us[-1] < cuts.t2_us
    sizes = dict(
        zip(*np.unique(np.array(Lake(home).impressions()["request_id"].to_pylist()), return_counts=True), strict=True)
    )
    for request_id, size in zip(*np.unique(rows.request_ids.astype(str), return_counts=True), strict=True):
        assert sizes[request_id] == size
    assert all(len(column) == len(rows) for column in (*rows.columns.values(), *rows.labels.values()))


def test_the_sample_is_drawn_by_its_seed(small_world: Path, sampled: RankingRows) -> None:
    again, other = (exposures(Home(small_world), limit=200, seed=seed) for seed in (3, 4))
    assert sampled.request_ids.tolist() == again.request_ids.tolist()
    assert set(sampled.request_ids) != set(other.request_ids)


def test_taking_rows_keeps_all_columns_together(sampled: RankingRows) -> None:
    rows = sampled
    some = rows.take(np.array([5, 3]))
    assert some.video_ids.tolist() == [rows.video_ids[5], rows.video_ids[3]]
    assert some.columns["video_age_days"].tolist() == rows.columns["video_age_days"][[5, 3]].tolist()
    assert some.labels["click"].tolist() == rows.labels["click"][[5, 3]].tolist()


def test_a_window_without_exposures_names_the_command_to_run(small_world: Path) -> None:
    home = Home(small_world)
    with pytest.raises(HomeError, match="simulate or ingest first"):
        ranking_rows(home, 0, DAY_US, RetrievalModel.load(home.models / "two_tower"))
