"""The next episode that is allowed, of the series watched last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.candidates.columns import ANCHOR
from models.candidates.sources.series import NextInSeries
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_the_next_episode_follows_the_one_that_was_watched(ask: Ask, unwatched: Any) -> None:
    found = NextInSeries().find(ask(), unwatched, 5)
    assert (found.rows.tolist(), found.columns[ANCHOR].tolist()) == ([2], [0])


def test_an_episode_that_is_not_allowed_is_passed_over(ask: Ask, unwatched: Any) -> None:
    assert NextInSeries().find(ask(), unwatched & (np.arange(6) != 2), 5).rows.tolist() == [4]


def test_without_a_series_nothing_is_found(ask: Ask, unwatched: Any) -> None:
    assert len(NextInSeries().find(ask(history_video_ids=["b"]), unwatched, 5)) == 0
