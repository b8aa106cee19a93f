"""The ranker learns what exposures say, puts down to position what is due to position, and is the same twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home, World
from models.encoding.ranker import PAST, PAST_COLUMNS, RankerEncoding
from models.ranking.ranker import ACTIONS, RankerModel, logits_of, with_retrieval
from training.data.dataset import RankingRows
from training.fit.ranker import (
    KnownVideos,
    RankerConfig,
    choose_retrieval,
    data_hash,
    fit_lightgbm,
    page_order,
    train_ranker,
    tree_features,
)
from training.fit.ranker import _fit as fit
from training.measure.metrics import auc
from training.record.tracking import RANKER, Tracking

CONFIG = RankerConfig(max_epochs=8, batch_size=256, learning_rate=5e-3)
NO_VIDEOS = KnownVideos((), np.zeros((0, 1)))


def rows(n: int = 4000, seed: int = 0) -> RankingRows:
    """A viewer likes what has a high `taste`, but clicks the more the higher it stands; good videos stand low."""
    rng = np.random.default_rng(seed)
    taste, creator = rng.normal(size=n), rng.integers(0, 5, n)
    position = np.clip(np.round(4.5 + 2.0 * taste + rng.normal(size=n)), 0, 9).astype(np.int64)
    click = rng.random(n) < 1 / (1 + np.exp(-(1.5 * taste + 0.8 * (creator == 2) - 0.8 * position + 2.0)))
    columns: dict[str, Any] = {
        "taste": taste.astype(np.float32),
        "duration_seconds": np.full(n, 600.0, dtype=np.float32),
        "creator_id": np.array([f"c{k}" for k in creator], dtype=object),
    }
    labels = {action: click.astype(np.float32) for action in ACTIONS} | {"watch_seconds": 600.0 * click}
    ids = np.array([f"r{k}" for k in range(n)], dtype=object)
    users = np.array([f"u{k % 50}" for k in range(n)], dtype=object)
    return RankingRows(columns, labels, users, ids, ids, np.arange(n), position, rng.uniform(0.01, 1.0, n))


@pytest.fixture(scope="module")
def trained() -> tuple[RankerEncoding, Any, list[dict[str, float]]]:
    train = rows()
    encoding = RankerEncoding.fit(train.columns)
    network, curve = fit(train, rows(1000, seed=1), encoding, NO_VIDEOS, CONFIG, _silent())
    return encoding, network, curve


def _silent() -> Any:
    from feature_repo.core.progress import SILENT

    return SILENT


def clicks(network: Any, encoding: RankerEncoding, test: RankingRows, position: Any = None) -> Any:
    logits_NA = logits_of(network, encoding.encode(test.columns, position))
    return 1.0 / (1.0 + np.exp(-logits_NA[:, 0]))


def test_what_is_due_to_position_is_not_held_against_the_video(
    trained: tuple[RankerEncoding, Any, list[dict[str, float]]],
) -> None:
    encoding, network, _ = trained
    test = rows(1000, seed=2)
    taste = test.columns["taste"] + 0.5 * (test.columns["creator_id"] == "c2")
    assert (
        np.corrcoef(test.labels["click"], taste)[0, 1] < 0.1
    )  # what the log says at first sight: taste does not matter
    assert np.corrcoef(clicks(network, encoding, test), taste)[0, 1] > 0.8
    first, last = (clicks(network, encoding, test, np.full(len(test), place)) for place in (0, 9))
    assert first.mean() > last.mean() + 0.3


def test_served_without_a_position_the_mean_prediction_is_the_mean_outcome(
    trained: tuple[RankerEncoding, Any, list[dict[str, float]]],
) -> None:
    encoding, network, _ = trained
    train = rows()
    assert clicks(network, encoding, train).mean() == pytest.approx(train.labels["click"].mean(), abs=1e-3)


def test_a_candidate_that_resembles_what_was_watched_is_told_apart_by_attention_alone() -> None:
    """Every other number is noise, and so is who watched what: only the two together tell."""
    rng = np.random.default_rng(4)
    videos = KnownVideos([f"v{k}" for k in range(60)], rng.normal(size=(60, 8)))
    kind = np.argmax(videos.vector_VD[:, :4], axis=1)  # what the watched have in common with the candidate, or not

    def watching(n: int, seed: int) -> RankingRows:
        made, own = rows(n, seed), np.random.default_rng(seed)
        video, watched = own.integers(0, 60, n), own.integers(0, 60, (n, 3))
        alike = (kind[watched] == kind[video, None]).any(axis=1)
        past = np.full((n, PAST), "", dtype=object)
        past[:, -3:] = np.array(videos.ids, dtype=object)[watched]
        said = {"video_id": np.array(videos.ids, dtype=object)[video], "past_video_ids": past}
        said |= {name: np.ones((n, PAST), dtype=np.float32) for name in PAST_COLUMNS[1:]}
        labels = {action: alike.astype(np.float32) for action in ACTIONS} | {"watch_seconds": 600.0 * alike}
        unknown = np.full(n, -1)
        return replace(made.with_columns(said), labels=labels, position=unknown)

    train, valid = watching(6000, 1), watching(1000, 2)
    found = {}
    for known in (videos, NO_VIDEOS):
        encoding = RankerEncoding.fit(train.columns, videos=known.ids)
        network, _ = fit(train, valid, encoding, known, replace(CONFIG, max_epochs=12), _silent())
        found[len(known.ids)] = auc(valid.labels["click"], clicks(network, encoding, valid))
    assert found[60] > 0.8
    assert found[0] == pytest.approx(0.5, abs=0.06)


def test_the_best_epoch_is_kept(trained: tuple[RankerEncoding, Any, list[dict[str, float]]]) -> None:
    encoding, network, curve = trained
    valid = rows(1000, seed=1)
    assert auc(valid.labels["click"], clicks(network, encoding, valid, valid.position)) == pytest.approx(
        min(curve, key=lambda row: row["log_loss"])["auc"], abs=1e-6
    )


def test_the_same_seed_trains_the_same_network_and_another_seed_another(
    trained: tuple[RankerEncoding, Any, list[dict[str, float]]],
) -> None:
    encoding, network, _ = trained
    valid = rows(1000, seed=1)
    again, _ = fit(rows(), valid, encoding, NO_VIDEOS, CONFIG, _silent())
    other, _ = fit(rows(), valid, encoding, NO_VIDEOS, RankerConfig(seed=5, max_epochs=2), _silent())
    np.testing.assert_array_equal(clicks(network, encoding, valid), clicks(again, encoding, valid))
    assert not np.array_equal(clicks(network, encoding, valid), clicks(other, encoding, valid))


def test_retrieval_adds_to_the_order_where_clicks_say_that_it_knows_more_and_only_there() -> None:
    rng = np.random.default_rng(0)
    seen, unseen = rng.normal(size=(2, 4000))
    given = rows()
    click = (rng.random(4000) < 1 / (1 + np.exp(-seen - unseen))).astype(np.float32)

    def chosen(two_tower: Any) -> float:
        columns = {"two_tower_score": two_tower.astype(np.float32)}
        valid = replace(given, columns=columns, labels={**given.labels, "click": click})
        return choose_retrieval(np.exp(seen), valid, CONFIG)

    assert chosen(2.0 * unseen) == 0.5
    assert chosen(rng.normal(size=4000)) == 0.0
    assert chosen(seen) == 0.0  # nothing that the score did not say


def test_where_what_was_shown_is_implied_the_two_tower_models_odds_count_in_full() -> None:
    worlds = {source: World("w", source, "str", (), 50) for source in ("movielens", "kuairand", "simulator")}
    configs = {source: RankerConfig.for_world(world, seed=3) for source, world in worlds.items()}
    assert {config.seed for config in configs.values()} == {3}
    given = replace(rows(10), columns={"two_tower_score": np.zeros(10)})
    chosen = {source: choose_retrieval(np.ones(10), given, config) for source, config in configs.items()}
    assert chosen == {"movielens": 1.0, "kuairand": 0.0, "simulator": 0.0}


def test_an_order_over_many_requests_is_each_requests_own() -> None:
    rng = np.random.default_rng(1)
    score, two_tower = np.append(rng.random(50), [0.0, -1.0]), rng.normal(0.0, 9.0, 52)
    np.testing.assert_array_equal(
        np.argsort(page_order(score, two_tower, 0.5)[:50]), np.argsort(with_retrieval(score, two_tower, 0.5)[:50])
    )


def test_the_baseline_sees_the_same_features_without_the_position() -> None:
    train, valid = rows(), rows(1000, seed=1)
    encoding = RankerEncoding.fit(train.columns)
    assert tree_features(encoding, train).shape == (len(train), 3)
    booster = fit_lightgbm(train, valid, encoding, seed=0)
    assert booster.num_feature() == 3


def test_a_changed_value_is_another_data_set() -> None:
    changed = rows()
    changed.columns["taste"][7] += 1.0
    assert data_hash(rows()) == data_hash(rows())
    assert data_hash(rows()) != data_hash(changed)


def test_a_trained_world_has_a_ranker_its_baseline_and_its_run_in_mlflow(small_world: Path) -> None:
    home = Home(small_world)
    said = json.loads((home.models / "ranker" / "training.json").read_text())
    assert said["metrics"]["auc"] > 0.55
    assert said["features"] == len(RankerModel.load(home.models / "ranker").encoding.numbers) + 7
    assert (home.models / "ranker_baseline" / "lightgbm.txt").is_file()
    tracking = Tracking(home)
    version = tracking.version_of(RANKER, home.models / "ranker")
    assert version is not None
    run = tracking.client.get_run(tracking.client.get_model_version(RANKER, version).run_id)
    assert run.data.metrics["valid_auc"] == pytest.approx(said["metrics"]["auc"])
    assert run.data.params["max_rows"] == str(RankerConfig().max_rows)
    assert [given.dataset.digest for given in run.inputs.dataset_inputs] == [said["data_hash"][:16]]
    assert len(directory_id(home.models / "ranker")) == 64


def test_without_a_two_tower_model_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee train two-tower"):
        train_ranker(Home(tmp_path))


def test_a_config_that_cannot_be_meant_explains_itself() -> None:
    with pytest.raises(ValueError, match="validation_fraction: expected between 0 and 1, found 2"):
        RankerConfig(validation_fraction=2.0)
    with pytest.raises(ValueError, match="action_losses: expected click, complete"):
        RankerConfig(action_losses={"click": 1.0})
    with pytest.raises(ValueError, match="retrieval: expected some weights, none below 0, found"):
        RankerConfig(retrieval=())
