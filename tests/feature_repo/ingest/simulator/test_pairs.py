"""Pairs hold what a dense array would."""

from __future__ import annotations

import numpy as np

from feature_repo.ingest.simulator.pairs import Pairs


def test_pairs_are_a_dense_array_without_its_zeros() -> None:
    rng = np.random.default_rng(0)
    pairs, dense_UV = Pairs(7), np.zeros((5, 7), dtype=np.float32)
    added_UV = np.zeros(dense_UV.shape, dtype=bool)
    everything = np.arange(5)[:, None], np.arange(7)[None, :]
    assert not pairs.contain(*everything).any()
    for _ in range(20):
        viewers, things, numbers = rng.integers(5, size=4), rng.integers(7, size=4), rng.random(4)
        pairs.add(viewers, things, numbers)
        np.add.at(dense_UV, (viewers, things), numbers)
        added_UV[viewers, things] = True
        assert (pairs.numbers(*everything) == dense_UV).all()
        assert (pairs.contain(*everything) == added_UV).all()
    assert (pairs.counts(5) == added_UV.sum(axis=1)).all()


def test_the_pairs_of_some_viewers_are_given_with_their_places() -> None:
    pairs = Pairs(10)
    pairs.add(np.array([3, 1, 3, 0]), np.array([9, 4, 2, 0]), 1.0)
    position, things = pairs.of(np.array([3, 2, 1]))
    assert list(zip(position.tolist(), things.tolist(), strict=True)) == [(0, 2), (0, 9), (2, 4)]
