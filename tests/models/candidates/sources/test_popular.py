"""The popular of the month come first, and a longer page is given more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.candidates.sources.popular import Popular
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_the_month_counts_before_all_time(ask: Ask, unwatched: Any) -> None:
    found = Popular().find(ask(limit=1), unwatched, 2)
    assert found.rows.tolist() == [3, 4, 2, 5]  # two, and two more for each video of the page


def test_it_finds_whatever_is_allowed(ask: Ask) -> None:
    assert Popular().find(ask(), np.eye(6, dtype=bool)[0], 5).rows.tolist() == [0]
