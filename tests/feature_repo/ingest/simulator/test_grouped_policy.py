"""The policy of large catalogs draws what the policy with a weight per video draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from feature_repo.ingest.simulator.catalog import Catalog, make_catalog, visible_in
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.grouped_policy import GroupedPolicy
from feature_repo.ingest.simulator.log import Visits
from feature_repo.ingest.simulator.policy import Policy, freshness
from feature_repo.ingest.simulator.viewers import Viewers, make_viewers
from feature_repo.lake.tables import DAY_US

START_US = 1_000 * DAY_US
NOW_US = START_US + 3 * DAY_US
PAGES, PLACES = 40_000, 3


@dataclass
class Situation:
    """Five viewers, one of them a child, who have watched some of 60 videos; two await an episode."""

    catalog: Catalog
    viewers: Viewers
    dense: Policy
    grouped: GroupedPolicy


@pytest.fixture
def situation() -> Situation:
    rng = np.random.default_rng(5)
    config = SimulatorConfig(users=10, videos=60, days=5)
    catalog = make_catalog(config, rng, START_US, START_US + 5 * DAY_US)
    viewers = make_viewers(config, rng, START_US)
    viewers.age[:] = [0, 1, 1, 2, 3, 1, 1, 1, 1, 1]
    for viewer in range(4):
        watched = rng.choice(60, 12, replace=False)
        viewers.watch(catalog, np.full(12, viewer), watched, rng.random(12))
    first = np.flatnonzero((catalog.following >= 0) & (catalog.published_us < NOW_US))
    unseen = [int(one) for one in catalog.following[first] if not viewers.seen.contain(np.arange(2), one).any()]
    viewers.awaited[:2] = unseen[0], unseen[-1]
    viewers.awaited[2] = catalog.following[first[0]]
    popularity_V = rng.random(60) * 20
    guess_UG = rng.random((10, catalog.genre_VG.shape[1]), dtype=np.float32)
    arguments = catalog, popularity_V, guess_UG, visible_in(catalog), PLACES
    return Situation(catalog, viewers, Policy(*arguments), GroupedPolicy(*arguments))


def visits(viewers: list[int], pages: int) -> Visits:
    user_A = np.repeat(viewers, pages)
    return Visits(user_A, np.full(len(user_A), NOW_US), np.zeros(len(user_A), dtype=np.int64), 0, 0.5)


def exact(situation: Situation, viewer: int) -> np.ndarray:
    """(V,) the chance of each video to come first, by the policy's own weights."""
    one, active = visits([viewer], 1), np.array([viewer])
    age_days_AV, fresh_AV = freshness(one.page_us_A[:, None], situation.catalog.published_us[None, :])
    allowed_AV = situation.dense._allowed(situation.viewers, active, age_days_AV)
    weight_V = (np.exp(situation.dense._score(situation.viewers, active, fresh_AV)) * allowed_AV)[0].astype(np.float64)
    chance_V: np.ndarray = weight_V / weight_V.sum()
    return chance_V


@pytest.mark.parametrize("viewer", range(5))
def test_the_first_video_is_drawn_as_by_a_weight_per_video(situation: Situation, viewer: int) -> None:
    shown = situation.grouped.draw(np.random.default_rng(1), situation.viewers, visits([viewer], PAGES))
    share_V = np.bincount(shown.video_AP[:, 0], minlength=60) / PAGES
    expected_V = exact(situation, viewer)
    assert (share_V[expected_V == 0] == 0).all()
    assert np.allclose(share_V, expected_V, atol=5 * np.sqrt(expected_V.max() / PAGES))
    assert np.allclose(shown.propensity_AP[:, 0], expected_V[shown.video_AP[:, 0]], rtol=1e-4)


def test_propensities_are_of_what_the_places_before_have_left(situation: Situation) -> None:
    shown = situation.grouped.draw(np.random.default_rng(1), situation.viewers, visits([0, 1, 2, 3, 4], 2000))
    for viewer in range(5):
        rows = slice(viewer * 2000, (viewer + 1) * 2000)
        expected_V, left = exact(situation, viewer), np.ones(2000)
        for place in range(PLACES):
            chance = expected_V[shown.video_AP[rows, place]]
            assert np.allclose(shown.propensity_AP[rows, place], chance / left, rtol=1e-3)
            left -= chance
    assert all(len(set(page)) == PLACES for page in shown.video_AP.tolist())


def test_freshness_is_of_the_page_although_videos_were_listed_earlier(situation: Situation) -> None:
    asked = visits([4, 4], 50)
    asked.page_us_A[50:] += DAY_US
    shown = situation.grouped.draw(np.random.default_rng(1), situation.viewers, asked)
    published_us = situation.catalog.published_us[shown.video_AP]
    assert (published_us <= NOW_US).all()
    assert np.allclose(shown.fresh_AP, freshness(asked.page_us_A[:, None], published_us)[1])
