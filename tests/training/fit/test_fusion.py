"""A blend learns which source is to be believed, for whom; worked out on lists that are made up."""

import numpy as np

from models.candidates.fusion import DEPTH, Fusion, Weight
from training.fit.fusion import FROM_WATCHES, by_quota, fit_fusion, fused
from training.fit.sources import mean_recall
from training.judge.protocols.sources import _in_turns

VIDEOS, VIEWERS = 60, 400


def made_up() -> tuple[dict[str, np.ndarray], list[list[int]], np.ndarray]:
    """`good` has the target among its first four for viewers with a history, for the others it is as random as `noise`;
    `popular` has it among its first thirty for everybody."""
    rng = np.random.default_rng(0)
    watches = np.where(np.arange(VIEWERS) % 2 == 0, 0, 30)
    lists = {name: np.full((VIEWERS, DEPTH), -1, dtype=np.int32) for name in ("good", "noise", "popular")}
    targets = []
    for viewer in range(VIEWERS):
        target = int(rng.integers(VIDEOS))
        for name, rows in lists.items():
            order = rng.permutation(VIDEOS)
            place = {"good": 4 if watches[viewer] else VIDEOS, "noise": VIDEOS, "popular": 30}[name]
            at, here = int(rng.integers(place)), int(np.flatnonzero(order == target)[0])
            order[[at, here]] = order[[here, at]]
            rows[viewer, :VIDEOS] = order
        targets.append([target])
    return lists, targets, watches


def test_it_believes_the_good_source_and_only_for_those_for_whom_it_is_good() -> None:
    lists, targets, watches = made_up()
    fusion = fit_fusion(lists, targets, watches, VIDEOS)
    assert fusion is not None
    newcomers, others = fusion.weights[0], fusion.weights[-1]
    assert others["good"].place > others["popular"].place > 2 * abs(others["noise"].place)
    assert newcomers["good"].place < others["good"].place
    # Nobody has between 1 and 19 watches: what is true of all.
    assert fusion.weights[1] == fusion.weights[2]


def test_a_blend_finds_more_than_any_of_its_sources() -> None:
    lists, targets, watches = made_up()
    fusion = fit_fusion(lists, targets, watches, VIDEOS)
    assert fusion is not None
    found = mean_recall(fused(fusion, lists, watches, VIDEOS, 10), targets, 10)
    assert found > max(mean_recall(rows, targets, 10) for rows in lists.values())


def test_where_nothing_is_found_there_is_no_blend() -> None:
    lists = {"good": np.full((1, DEPTH), -1, dtype=np.int32)}
    assert fit_fusion(lists, [[3]], np.array([0]), VIDEOS) is None


def test_equal_odds_keep_the_order_of_the_catalog_and_short_lists_end_in_nothing() -> None:
    fusion = Fusion(FROM_WATCHES, ({"a": Weight(1.0, 0.0)},) * len(FROM_WATCHES))
    lists = {"a": np.array([[9, 4, -1]]), "unknown": np.array([[2, -1, -1]])}
    assert fused(fusion, lists, np.array([3]), 10, 5).tolist() == [[4, 9, 2, -1, -1]]


def test_a_quota_takes_each_video_once_and_the_filler_fills() -> None:
    lists = {"a": np.array([[1, 2, 3, 4, 5]]), "b": np.array([[2, 9, 8, -1, -1]])}
    assert by_quota(lists, {"a": 2, "b": 2}, "a", 5).tolist() == [[1, 2, 9, 3, 4]]


def test_shares_are_kept_from_the_first_place_on() -> None:
    popular, personal = np.array([np.arange(0, 600)]), np.array([np.arange(1000, 1600)])
    order = _in_turns(popular, personal, 0.4)[0]
    for n in (5, 50, 500):
        assert (order[:n] < 1000).sum() == 0.4 * n
    same = _in_turns(popular, popular, 0.4)[0]
    assert len(set(same.tolist())) == 500
