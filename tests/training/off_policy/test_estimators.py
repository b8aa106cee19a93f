"""Estimators on logs small enough to sum by hand, and on logs made up so that the truth is known."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.simulator import SimulatorConfig, simulate
from feature_repo.lake.tables import Lake
from training.fit.two_tower import fit
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data
from training.judge.protocols.off_policy import against_open_bandit
from training.off_policy.estimators import (
    Log,
    OffPolicyError,
    checked_propensities,
    cross_fitted_rewards,
    effective_sample_size,
    estimates,
)
from training.off_policy.home_log import home_logs
from training.off_policy.logged_bandits import SyntheticConfig, open_bandit, synthetic

# Four pages, two actions: the log showed 0 with .8 and 1 with .2; the policy in question shows each with a half.
BY_HAND = Log(
    action_N=np.array([0, 0, 0, 1]),
    reward_N=np.array([1.0, 0.0, 0.0, 1.0]),
    propensity_N=np.array([0.8, 0.8, 0.8, 0.2]),
    policy_NA=np.full((4, 2), 0.5),
    context_NF=np.zeros((4, 1)),
    cluster_N=np.arange(4),
)


def test_estimates_are_those_worked_out_by_hand() -> None:
    """Weights .625 .625 .625 2.5; the model says .5 of action 0 and 1 of action 1, so .75 of the policy."""
    found = estimates(BY_HAND, np.tile([0.5, 1.0], (4, 1)), clip=2.0)
    assert found["ips"].value == pytest.approx((0.625 + 2.5) / 4)
    assert found["snips"].value == pytest.approx(3.125 / 4.375)
    assert found["clipped"].value == pytest.approx((0.625 + 2.0) / 4)
    assert found["dm"].value == pytest.approx(0.75)
    assert found["dr"].value == pytest.approx(0.75 + 0.625 * (0.5 - 0.5 - 0.5) / 4)
    assert found["sndr"].value == pytest.approx(0.75 + 0.625 * (0.5 - 0.5 - 0.5) / 4.375)
    assert effective_sample_size(BY_HAND.weight_N) == pytest.approx(4.375**2 / (3 * 0.625**2 + 2.5**2))


def test_the_standard_error_of_ips_is_that_of_a_mean_and_pages_count_whole() -> None:
    terms = np.array([0.625, 0.0, 0.0, 2.5])
    assert estimates(BY_HAND)["ips"].standard_error == pytest.approx(terms.std() / 2)
    twice = BY_HAND.take(np.array([0, 0, 1, 1, 2, 2, 3, 3]))  # each page shown twice says no more than once
    assert estimates(twice)["ips"].standard_error == pytest.approx(terms.std() / 2)
    alone = replace(twice, cluster_N=np.arange(8))
    assert estimates(alone)["ips"].standard_error == pytest.approx(terms.std() / np.sqrt(8))


@pytest.mark.parametrize("propensity", [0.0, -0.1, float("nan"), 1.5])
def test_a_propensity_that_is_none_is_refused_by_its_row(propensity: float) -> None:
    with pytest.raises(OffPolicyError, match=r"in row 2 \(1 such rows of 4\)"):
        checked_propensities(np.array([0.5, 0.5, propensity, 1.0]))


def test_a_policy_that_does_not_sum_to_one_is_refused() -> None:
    with pytest.raises(OffPolicyError, match="sum to 1"):
        replace(BY_HAND, policy_NA=np.full((4, 2), 0.4))


def test_nothing_is_said_of_a_policy_that_shows_other_things() -> None:
    only_one = replace(BY_HAND.take(np.arange(3)), policy_NA=np.tile([0.0, 1.0], (3, 1)))
    with pytest.raises(OffPolicyError, match="never shows what was shown"):
        estimates(only_one)


def test_no_row_is_judged_by_a_model_that_saw_its_page() -> None:
    """One page alone earned anything; the model that speaks of it has seen only zeros."""
    log = Log(
        np.zeros(10, int),
        np.array([1.0] * 2 + [0.0] * 8),
        np.ones(10),
        np.ones((10, 1)),
        np.zeros((10, 1)),
        np.arange(10) // 2,
    )
    rewards = cross_fitted_rewards(log, folds=5)
    assert rewards[:2].max() == 0.0
    assert rewards[2:].min() > 0.0


SMALL = SyntheticConfig(rows=20_000)


def test_snips_and_dr_come_within_one_percent_of_the_truth() -> None:
    errors = {"snips": 0.0, "dr": 0.0}
    for seed in range(6):
        known = synthetic(replace(SMALL, seed=seed, rows=40_000, logging_sharpness=0.3, policy_sharpness=0.6))
        found = estimates(known.log, cross_fitted_rewards(known.log))
        for name in errors:
            errors[name] += abs(found[name].value / known.truth - 1.0) / 6
    assert max(errors.values()) < 0.01


def test_ips_is_unbiased_over_many_logs_and_clipping_is_not() -> None:
    """Within three standard errors of the mean over forty logs; weights of at most 1 are far below."""
    logs = [synthetic(replace(SMALL, rows=1_000, seed=seed)) for seed in range(40)]
    found = [estimates(known.log, clip=1.0) for known in logs]
    off = np.array([one["ips"].value - known.truth for one, known in zip(found, logs, strict=True)])
    clipped = np.array([one["clipped"].value - known.truth for one, known in zip(found, logs, strict=True)])
    assert abs(off.mean()) < 3 * off.std() / np.sqrt(len(off))
    assert clipped.mean() < -3 * off.std() / np.sqrt(len(off))


def test_dr_is_right_with_a_wrong_model_and_with_wrong_propensities() -> None:
    known = synthetic(replace(SMALL, rows=100_000, seed=3))
    nothing = np.full(known.log.policy_NA.shape, 0.9)
    even = replace(known.log, propensity_N=np.full(100_000, 0.1))

    def off(log: Log, model: np.ndarray, name: str) -> float:  # type: ignore[type-arg]
        return abs(estimates(log, model)[name].value / known.truth - 1.0)

    assert off(known.log, nothing, "dm") > 0.5
    assert off(known.log, nothing, "dr") < 0.03
    assert off(even, known.chance_NA, "ips") > 0.03
    assert off(even, known.chance_NA, "dr") < 0.03


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    held = 0
    for seed in range(40):
        known = synthetic(replace(SMALL, rows=1_000, seed=seed))
        snips = estimates(known.log, seed=seed)["snips"]
        held += snips.low <= known.truth <= snips.high
    assert 34 <= held <= 40


def test_places_of_open_bandit_have_their_own_probabilities(tmp_path: Path) -> None:
    """Two items, three places: bts showed item 0 at the first place nine times in ten, elsewhere every second time."""
    place, item, propensity = [], [], []
    for at in (1, 2, 3):
        share = 9 if at == 1 else 5
        for row in range(10):
            place.append(at)
            item.append(0 if row < share else 1)
            propensity.append(share / 10 if row < share else 1 - share / 10)
    clicks = [1] * 3 + [0] * 27
    common = {
        "timestamp": [f"t{row}" for row in range(30)],
        "position": place,
        "click": clicks,
        "user_feature_0": ["a", "b", "c"] * 10,
    }
    bts = pa.table({**common, "item_id": item, "propensity_score": propensity})
    random = pa.table({**common, "item_id": [0, 1] * 15, "propensity_score": [0.5] * 30})
    pq.write_table(bts, tmp_path / "bts_men.parquet")
    pq.write_table(random, tmp_path / "random_men.parquet")
    log, clicks_M = open_bandit(tmp_path, "men")["random_to_bts"]
    assert log.policy_NA[np.array([0, 10, 20])] == pytest.approx(np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]]))
    assert clicks_M.mean() == pytest.approx(0.1)
    back, _ = open_bandit(tmp_path, "men")["bts_to_random"]
    assert back.policy_NA == pytest.approx(np.full((30, 2), 0.5))
    assert back.propensity_N[:1] == pytest.approx([0.9])


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(OffPolicyError, match=r"random_men\.parquet"):
        against_open_bandit(Home.open(tmp_path), tmp_path, "marquee off-policy")


@pytest.fixture(scope="module")
def drawn_world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A simulated world with a two-tower model of one epoch, and nothing else."""
    home = Home.open(tmp_path_factory.mktemp("drawn"))
    simulate(home, SimulatorConfig(users=150, videos=150, days=12, seed=5))
    config = TwoTowerConfig.for_world(home.world(), epochs=1, refit_epochs=0, dim=16)
    model = fit(home, config, training_data(home, config), home.root / "checkpoint").model
    model.save(home.models / "two_tower")
    return home


def test_a_home_is_asked_what_another_first_place_would_have_earned(drawn_world: Home) -> None:
    """The simulator draws its pages with known odds, so that the weights of any policy within them are 1 on average."""
    logs = home_logs(drawn_world)
    assert set(logs) == {"two_tower", "two_tower_sharp", "popular", "uniform"}
    log = logs["uniform"]
    assert len(log.action_N) > 100
    assert log.propensity_N.max() < 1.0
    error = log.weight_N.std() / np.sqrt(len(log.action_N))
    assert abs(log.weight_N.mean() - 1.0) < 4 * error
    assert 0.0 <= estimates(log)["snips"].value < log.reward_N.mean()  # what is shown at random suits fewer


def test_a_home_without_odds_says_so(drawn_world: Home, tmp_path: Path) -> None:
    shutil.copytree(drawn_world.root, tmp_path / "world")
    copy = Home.open(tmp_path / "world")
    shown = Lake(copy).impressions()
    at = shown.schema.get_field_index("propensity")
    Lake(copy).write_impressions(shown.set_column(at, "propensity", pa.array(np.zeros(len(shown)))))
    with pytest.raises(OffPolicyError, match="none with a logged probability"):
        home_logs(copy)
