"""What is watched in the viewer's own country."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.candidates.popularity import AreaPopularity
from models.candidates.sources.area import PopularInArea
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]

SOURCE = PopularInArea(AreaPopularity({"DE": [("c", 3.0), ("gone", 2.0), ("a", 1.5), ("d", 1.0)]}))


def test_only_allowed_videos_of_the_catalog_are_found(ask: Ask, unwatched: Any) -> None:
    found = SOURCE.find(ask(country="DE"), unwatched, 5)
    assert (found.rows.tolist(), found.scores.tolist()) == ([2, 3], [3.0, 1.0])


def test_an_unknown_country_finds_nothing(ask: Ask, unwatched: Any) -> None:
    assert len(SOURCE.find(ask(country="FR"), unwatched, 5)) == 0
    assert len(SOURCE.find(ask(), unwatched, 5)) == 0
