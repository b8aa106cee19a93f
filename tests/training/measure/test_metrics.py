"""Metrics on lists small enough to count by hand, and against scikit-learn on random ones."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import spatial, stats
from sklearn import metrics as sklearn_metrics

from training.measure.metrics import (
    absolute_errors,
    auc,
    auc_by_viewer,
    by_unit,
    coverage,
    ece,
    gauc,
    gauc_by_viewer,
    genre_shares,
    gini,
    hit_rate_at,
    hits,
    ild_at,
    log_loss,
    log_losses,
    mae,
    mean_by_viewer,
    miscalibration,
    mrr_at,
    ndcg_at,
    ndcg_per_list,
    novelty_at,
    precision_at,
    ranking_metrics,
    recall_at,
    rows_at_once,
    top_k,
    xauc,
    xauc_by_viewer,
)

LISTS = np.array([[4, 1, 3], [0, 1, 2], [2, 3, 4]])
TARGETS = [[3, 4, 0, 7], [9], [3]]
COUNTS = np.array([4, 1, 1])
RNG = np.random.default_rng(11)


def test_lists_counted_by_hand() -> None:
    found = hits(LISTS, TARGETS)
    assert found.tolist() == [[True, False, True], [False] * 3, [False, True, False]]
    assert recall_at(found, COUNTS, 3).tolist() == [0.5, 0.0, 1.0]
    assert recall_at(found, COUNTS, 1).tolist() == [0.25, 0.0, 0.0]
    assert precision_at(found, 2).tolist() == [0.5, 0.0, 0.5]
    assert hit_rate_at(found, 2).tolist() == [1.0, 0.0, 1.0]
    assert mrr_at(found, 3).tolist() == [1.0, 0.0, 0.5]
    ideal = 1 + 1 / np.log2(3) + 0.5
    assert ndcg_at(found, COUNTS, 3) == pytest.approx([(1 + 0.5) / ideal, 0.0, 1 / np.log2(3)])


def test_an_empty_place_never_finds_a_target_outside_the_catalog() -> None:
    assert hits(np.array([[2, -1]]), [[-1, 2]]).tolist() == [[True, False]]


def test_ties_across_the_end_of_a_list_fall_to_the_first_columns() -> None:
    assert top_k(np.zeros((2, 40)), 3).tolist() == [[0, 1, 2]] * 2
    scores = RNG.integers(0, 4, (20, 300)).astype(float)
    np.testing.assert_array_equal(top_k(scores, 50), np.argsort(-scores, axis=1, kind="stable")[:, :50])


def test_the_best_k_are_in_order_and_ties_fall_to_the_first() -> None:
    scores = np.array([[0.0, 2.0, 1.0, 2.0, -np.inf]])
    assert top_k(scores, 3).tolist() == [[1, 3, 2]]
    assert top_k(scores, 9).tolist() == [[1, 3, 2, 0, 4]]
    random = RNG.normal(size=(20, 300))
    np.testing.assert_array_equal(top_k(random, 50), np.argsort(-random, axis=1)[:, :50])


def test_exposure_counted_by_hand() -> None:
    assert coverage(LISTS, 10) == 0.5
    assert gini(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(0.0)
    assert gini(np.array([[0], [0], [0]]), 4) == pytest.approx(0.75)  # one video has all: 1 - 1/V


def test_a_whole_row_agrees_with_sklearn_and_with_counting() -> None:
    scores = RNG.random((30, 200))
    targets = [RNG.choice(200, RNG.integers(1, 30), replace=False).tolist() for _ in range(30)]
    found = ranking_metrics(top_k(scores, 50), targets, 200)
    relevant = np.zeros((30, 200))
    for viewer, wanted in enumerate(targets):
        relevant[viewer, wanted] = 1.0
    rank = (-scores).argsort(axis=1).argsort(axis=1)
    assert found["ndcg_at_10"] == pytest.approx(sklearn_metrics.ndcg_score(relevant, scores, k=10))
    best = [min(rank[viewer, wanted]) for viewer, wanted in enumerate(targets)]
    assert found["hit_rate_at_10"] == pytest.approx(np.mean([place < 10 for place in best]))
    assert found["mrr_at_10"] == pytest.approx(np.mean([1 / (place + 1) if place < 10 else 0.0 for place in best]))
    within = [np.mean([rank[viewer, video] < 50 for video in wanted]) for viewer, wanted in enumerate(targets)]
    assert found["recall_at_50"] == pytest.approx(np.mean(within))


def test_auc_and_log_loss_agree_with_sklearn_ties_included() -> None:
    label, score = RNG.random(500) < 0.3, RNG.integers(1, 20, 500) / 20
    assert auc(label, score) == pytest.approx(sklearn_metrics.roc_auc_score(label, score))
    assert log_loss(label, score) == pytest.approx(sklearn_metrics.log_loss(label, score))
    assert auc(np.ones(3), np.arange(3)) == 0.5


def test_auc_within_viewers_is_weighted_by_positives() -> None:
    label, score = RNG.random(500) < 0.3, RNG.integers(0, 10, 500).astype(float)
    groups = RNG.choice(["a", "b", "c", "d"], 500)
    label[groups == "d"] = False  # without positives: says nothing
    parts = [(label[groups == g], score[groups == g]) for g in "abc"]
    expected = np.average(
        [sklearn_metrics.roc_auc_score(*part) for part in parts], weights=[part[0].sum() for part in parts]
    )
    assert gauc(label, score, groups) == pytest.approx(expected)
    assert gauc(np.zeros(4), np.arange(4), np.array(["a", "a", "b", "b"])) == 0.5


def test_calibration_error_is_the_gap_between_said_and_seen() -> None:
    said = np.repeat([0.2, 0.8], 1000)
    seen = np.concatenate([np.arange(1000) < 200, np.arange(1000) < 500])
    assert ece(seen, said, bins=2) == pytest.approx((0.0 + 0.3) / 2)


def test_diversity_within_a_list_is_the_mean_distance_of_its_pairs() -> None:
    vectors = RNG.normal(size=(12, 5))
    shown = np.array([[0, 3, 7, 11], [4, 5, 6, -1], [2, -1, -1, -1]])
    expected = [spatial.distance.pdist(vectors[row[row >= 0]], "cosine").mean() for row in shown[:2]]
    found = ild_at(shown, vectors, 4)
    np.testing.assert_allclose(found[:2], expected)
    assert np.isnan(found[2])
    assert ild_at(np.array([[0, 1]]), np.array([[0.0, 0.0], [1.0, 0.0]]), 2).tolist() == [1.0]


def test_novelty_is_the_surprise_of_what_is_shown() -> None:
    watchers = np.array([7, 3, 0])  # of 7 viewers: every one, half of them, nobody
    found = novelty_at(np.array([[0, 1], [2, -1], [-1, -1]]), watchers, 7, 2)
    assert found[:2].tolist() == [0.5, 3.0]
    assert np.isnan(found[2])


def test_a_list_with_the_genres_of_the_history_is_calibrated() -> None:
    genres = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    history, alike, unlike, none = (
        np.array([row]) for row in ([0, 0, 1, -1], [0, 2, 3, -1], [1, 1, -1, -1], [3, 3, 3, 3])
    )
    assert genre_shares(history, genres).tolist() == [[2 / 3, 1 / 3]]
    assert genre_shares(alike, genres).tolist() == [[0.75, 0.25]]
    p, q = np.array([2 / 3, 1 / 3]), np.array([0.75, 0.25])
    expected = stats.entropy(p, 0.99 * q + 0.01 * p)
    assert miscalibration(p[None], q[None])[0] == pytest.approx(expected)
    assert miscalibration(p[None], p[None])[0] == pytest.approx(0.0)
    assert miscalibration(p[None], genre_shares(unlike, genres))[0] > 1.0
    assert np.isnan(miscalibration(p[None], genre_shares(none, genres))[0])


def test_ndcg_of_lists_agrees_with_sklearn_ties_included() -> None:
    lists = RNG.choice(["a", "b", "c", "d"], 200)
    label, score = RNG.random(200) < 0.2, RNG.integers(0, 6, 200) / 6
    label[lists == "d"] = False  # nothing to find: no figure
    expected = [sklearn_metrics.ndcg_score([label[lists == g]], [score[lists == g]], k=5) for g in "abc"]
    np.testing.assert_allclose(ndcg_per_list(label, score, lists, 5), expected)


def test_pairs_of_watch_times_are_counted_as_the_double_loop_counts_them() -> None:
    truth, predicted = RNG.integers(0, 12, 150).astype(float), RNG.integers(0, 15, 150) / 7
    alike = [
        (0.5 if predicted[i] == predicted[j] else float((truth[i] < truth[j]) == (predicted[i] < predicted[j])))
        for i in range(150)
        for j in range(i)
        if truth[i] != truth[j]
    ]
    assert xauc(truth, predicted) == pytest.approx(np.mean(alike))
    assert xauc(np.ones(3), np.arange(3)) == 0.5
    assert xauc(np.arange(5), -np.arange(5)) == 0.0


def test_xauc_without_ties_is_kendalls_tau_on_another_scale() -> None:
    truth, predicted = RNG.random(500), RNG.random(500)
    assert xauc(truth, predicted) == pytest.approx((stats.kendalltau(truth, predicted).statistic + 1) / 2)
    label = RNG.random(500) < 0.3
    assert xauc(label, predicted) == pytest.approx(sklearn_metrics.roc_auc_score(label, predicted))


def test_mae_is_in_the_unit_of_the_truth() -> None:
    assert mae(np.array([0.0, 10.0]), np.array([2.0, 4.0])) == 4.0


Array = np.ndarray[Any, Any]
Figure = Callable[[Array, Array, Array], Any]  # of truth, prediction and viewer of each row
FIGURES: dict[str, tuple[Figure, Figure]] = {
    "auc": (lambda y, p, viewer: auc(y > 0.6, p), lambda y, p, viewer: auc_by_viewer(y > 0.6, p, viewer)),
    "gauc": (lambda y, p, viewer: gauc(y > 0.6, p, viewer), lambda y, p, viewer: gauc_by_viewer(y > 0.6, p, viewer)),
    "xauc": (lambda y, p, viewer: xauc(y, p), xauc_by_viewer),
    "log_loss": (
        lambda y, p, viewer: log_loss(y > 0.6, p),
        lambda y, p, viewer: mean_by_viewer(log_losses(y > 0.6, p), viewer),
    ),
    "mae": (
        lambda y, p, viewer: mae(y, p),
        lambda y, p, viewer: mean_by_viewer(absolute_errors(y, p), viewer),
    ),
}


def clustered(viewers: int) -> tuple[Array, Array, Array]:
    """Truth, prediction and viewer of rows whose viewers differ in what they do and in how well they are known."""
    rng = np.random.default_rng(5)
    viewer = rng.permutation(np.repeat(np.arange(viewers), rng.integers(1, 20, viewers)))
    level, known = rng.normal(0, 0.2, viewers)[viewer], rng.uniform(-0.2, 1.0, viewers)[viewer]
    truth = np.clip(0.5 + level + rng.normal(0, 0.2, len(viewer)), 0.0, 1.0).round(2)
    return truth, np.clip(0.5 + known * (truth - 0.5) + rng.normal(0, 0.1, len(viewer)), 0.01, 0.99).round(2), viewer


@pytest.mark.parametrize("name", FIGURES)
def test_the_values_of_viewers_have_the_figure_as_their_mean_and_spread_as_it_does(name: str) -> None:
    figure, by_viewer = FIGURES[name]
    rows = clustered(200)
    value_U = by_viewer(*rows)
    assert value_U.shape == (200,)
    assert value_U.mean() == pytest.approx(figure(*rows), abs=1e-9)
    rng, found = np.random.default_rng(6), []
    rows_of = np.split(np.argsort(rows[2], kind="stable"), np.cumsum(np.bincount(rows[2]))[:-1])
    for _ in range(500):
        drawn = [rows_of[viewer] for viewer in rng.integers(0, 200, 200)]
        at, again = np.concatenate(drawn), np.repeat(np.arange(200), [len(own) for own in drawn])
        found.append(figure(rows[0][at], rows[1][at], again))
    assert value_U.std(ddof=1) / np.sqrt(200) == pytest.approx(np.std(found, ddof=1), rel=0.15)


def test_a_viewers_part_in_auc_is_that_of_his_placements() -> None:
    label, score = np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.2, 0.7])
    # Placements: 1 and .5 of the positives, .75, 1 and .5 of the negatives.
    expected = 0.75 + 2 * np.array([0.25 / 2 + 0.0 / 3, -0.25 / 2 + 0.25 / 3 - 0.25 / 3])
    np.testing.assert_allclose(auc_by_viewer(label, score, np.array(["a", "a", "b", "b", "b"])), expected)


def test_viewers_of_one_class_have_no_part_in_gauc_and_without_both_classes_every_value_is_a_half() -> None:
    label, score = np.array([1, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.2, 0.1, 0.9])
    viewer = np.array(["a", "a", "b", "c", "c"])
    assert gauc_by_viewer(label, score, viewer).tolist() == [0.0] * 3
    for by_viewer in (auc_by_viewer, gauc_by_viewer, xauc_by_viewer):
        assert by_viewer(np.ones(5), score, viewer).tolist() == [0.5] * 3


def test_a_viewers_rows_become_one_value_without_moving_the_mean() -> None:
    value, weight, unit = np.array([1.0, 0.0, 1.0, 0.5]), np.array([1.0, 1.0, 2.0, 1.0]), np.array([0, 0, 1, 2])
    assert by_unit(value, weight, unit).mean() == pytest.approx(np.average(value, weights=weight))
    np.testing.assert_allclose(by_unit(value, np.ones(4), np.arange(4)), value)
    # All rows at the mean: no viewer deviates, however many rows he has.
    np.testing.assert_allclose(by_unit(np.full(4, 0.3), weight, unit), 0.3)


def test_fewer_rows_are_held_at_once_the_longer_they_are() -> None:
    assert [rows_at_once(videos, 512) for videos in (0, 400, 1_000_000, 10**9)] == [512, 512, 50, 1]
