"""Something far from the usual genres, drawn evenly from a pool whose size is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.candidates.columns import EXPLORE_POOL
from models.candidates.sources.explore import Explore
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_the_familiar_half_is_left_out(ask: Ask) -> None:
    found = Explore().find(ask(), np.ones(6, dtype=bool), 2)
    assert set(found.rows.tolist()) < {3, 4, 5}
    assert found.columns[EXPLORE_POOL].tolist() == [3, 3]


def test_a_viewer_without_a_taste_may_be_shown_anything(ask: Ask) -> None:
    found = Explore().find(ask(genre_affinity=np.zeros(2)), np.ones(6, dtype=bool), 6)
    assert sorted(found.rows.tolist()) == list(range(6))


def test_the_same_request_draws_the_same(ask: Ask) -> None:
    draws = [Explore().find(ask(), np.ones(6, dtype=bool), 2).rows.tolist() for _ in range(2)]
    assert draws[0] == draws[1]
