"""Trends fade with a half-life of a day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.candidates.sources.trending import Trending
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_an_old_trend_counts_less(ask: Ask, unwatched: Any) -> None:
    found = Trending().find(ask(), unwatched, 5)
    assert found.rows.tolist() == [5, 2, 3]  # nothing of e
    assert found.scores == pytest.approx([3.0, 1.0, 1.0])
