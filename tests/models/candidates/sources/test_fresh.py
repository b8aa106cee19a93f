"""The newest first: not what is too old, nor what is not out yet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.candidates.sources.fresh import NewReleases
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_the_newest_come_first(ask: Ask) -> None:
    found = NewReleases().find(ask(), np.ones(6, dtype=bool), 5)
    assert found.rows.tolist() == [4, 3, 2]  # a and b are too old, f is not out yet
