"""The network learns what exposures say, puts down to position what is due to position, and is the same twice."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds.exposures import CONFIG, rows

from feature_repo.compute.past import PAST, PAST_COLUMNS
from feature_repo.core.progress import SILENT
from models.encoding.ranker import RankerEncoding
from models.ranking.network import logits_of
from models.ranking.ranker import ACTIONS
from training.data.dataset import RankingRows
from training.fit.ranker_config import RankerConfig
from training.fit.ranker_network import KnownVideos, fit_network
from training.measure.metrics import auc

NO_VIDEOS = KnownVideos((), np.zeros((0, 1)))


@pytest.fixture(scope="module")
def trained() -> tuple[RankerEncoding, Any, list[dict[str, float]]]:
    train = rows()
    encoding = RankerEncoding.fit(train.columns)
    network, curve = fit_network(train, rows(1000, seed=1), encoding, NO_VIDEOS, CONFIG, SILENT)
    return encoding, network, curve


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
        network, _ = fit_network(train, valid, encoding, known, replace(CONFIG, max_epochs=12), SILENT)
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
    again, _ = fit_network(rows(), valid, encoding, NO_VIDEOS, CONFIG, SILENT)
    other, _ = fit_network(rows(), valid, encoding, NO_VIDEOS, RankerConfig(seed=5, max_epochs=2), SILENT)
    np.testing.assert_array_equal(clicks(network, encoding, valid), clicks(again, encoding, valid))
    assert not np.array_equal(clicks(network, encoding, valid), clicks(other, encoding, valid))
