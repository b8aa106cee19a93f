"""Skew has nowhere to hide: what was served is what training computes for the same moment."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds.live import personal_page

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.cut import take_cut
from feature_repo.schema import RECOMMENDATION_SERVED
from feature_repo.store.valkey_server import running_url
from feature_repo.stream.flush import flush
from feature_repo.stream.log.open import open_event_log
from models.page.policy import load_policy
from models.release.artifact import load_champion
from training.data.dataset import RankingRows, ranking_rows

SNAPSHOT_SECONDS = 3.0  # the service reads changed videos every two


@pytest.fixture(scope="module")
def served_and_joined(
    small_world: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], RankingRows]:
    """A logged page of a viewer who has just watched something, and the training rows of its exposures."""
    import shutil

    root = tmp_path_factory.mktemp("parity") / "world"
    shutil.copytree(small_world, root, ignore=shutil.ignore_patterns("run"))
    home = Home.open(root)
    viewer = home.world().example_user
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url) as client:
        before = client.home(viewer)
        seen = before.recommendations[0]
        receipt = client.send(
            [
                {"user_id": viewer, "item_id": seen.video_id, "event": "click"},
                {"user_id": viewer, "item_id": seen.video_id, "event": "watch", "duration_sec": seen.duration},
                {"user_id": viewer, "item_id": seen.video_id, "event": "like"},
            ]
        )
        client.home_after(receipt, viewer)
        time.sleep(SNAPSHOT_SECONDS)
        page = personal_page(client, viewer, device="mobile", time_zone="America/New_York")
        url = running_url(home)
        assert url is not None
        logged = _logged_page(url, page.request_id)
        take_cut(home, flush(home, url))
    build_features(home)
    release, problems = load_champion(home)
    assert not problems
    at_us = logged["timestamp_us"]
    return logged, ranking_rows(home, at_us, at_us + 1, release.retrieval)


def test_every_feature_served_equals_the_one_training_joins(
    served_and_joined: tuple[dict[str, Any], RankingRows],
) -> None:
    logged, rows = served_and_joined
    served_ids = [item["video_id"] for item in logged["items"]]
    assert sorted(rows.video_ids.tolist()) == sorted(served_ids)
    at = [served_ids.index(video_id) for video_id in rows.video_ids]
    assert set(logged["features"]) == set(rows.columns)
    for name, joined in rows.columns.items():
        values = np.array(logged["features"][name], dtype=joined.dtype)
        served = np.broadcast_to(values, (len(served_ids), *values.shape[1:]))[at] if len(values) == 1 else values[at]
        if joined.dtype == object:
            assert served.tolist() == joined.tolist(), name
        else:
            tolerance = 1e-4 if name == "two_tower_score" else 1e-6  # a batch of another size sums in another order
            np.testing.assert_allclose(served, joined, rtol=tolerance, atol=tolerance, err_msg=name)


def test_every_score_served_is_the_rankers_score_of_the_joined_features(
    small_world: Path, served_and_joined: tuple[dict[str, Any], RankingRows]
) -> None:
    logged, rows = served_and_joined
    release, _ = load_champion(Home.open(small_world))
    boosts = load_policy(release.policy_path).boosts
    age_days = rows.columns["video_age_days"]
    boost = np.where(age_days < 1, boosts.day, np.where(age_days < 7, boosts.week, 1.0))
    odds = np.exp(release.ranker.retrieval * rows.columns["two_tower_score"])  # on a page, against its best candidate's
    expected = release.ranker.score(rows.columns)["score"] * odds * boost
    score_of = {item["video_id"]: item["score"] for item in logged["items"] if item["row_id"] != "continue_watching"}
    trained = release.retrieval.row_of  # others are ranked by the better of model and content
    compared = [at for at, video_id in enumerate(rows.video_ids) if video_id in score_of and video_id in trained]
    assert len(compared) >= 20
    served = np.array([score_of[rows.video_ids[at]] for at in compared])
    np.testing.assert_allclose(
        served / served.max(), expected[compared] / expected[compared].max(), rtol=1e-3, atol=1e-4
    )


def test_the_viewer_was_not_served_from_defaults(served_and_joined: tuple[dict[str, Any], RankingRows]) -> None:
    _, rows = served_and_joined
    assert rows.columns["user_like_count"].min() >= 1
    assert rows.columns["is_mobile"].min() == 1
    assert np.ptp(rows.columns["genre_match"]) > 0
    assert np.ptp(rows.columns["two_tower_score"]) > 0


def _logged_page(url: str, request_id: str) -> dict[str, Any]:
    log = open_event_log(url)
    try:
        for _ in range(100):
            for record in log.tail(RECOMMENDATION_SERVED, 20):
                page: dict[str, Any] = json.loads(record.value)
                if page["request_id"] == request_id:
                    return page
            time.sleep(0.05)
    finally:
        log.close()
    raise AssertionError(f"page {request_id} was not logged")
