"""The creators whom the viewer likes, their popular videos first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.candidates.sources.creators import OfCreators
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_videos_of_a_liked_creator_are_found_and_no_others(ask: Ask, unwatched: Any) -> None:
    assert OfCreators().find(ask(), unwatched, 5).rows.tolist() == [4, 2]


def test_a_creator_who_weighs_more_comes_first(ask: Ask, unwatched: Any) -> None:
    request = ask(creator_ids=["x", "y"], creator_weights=[0.1, 5.0])
    assert OfCreators().find(request, unwatched, 5).rows.tolist()[0] == 3


def test_no_creator_and_an_unknown_one_find_nothing(ask: Ask, unwatched: Any) -> None:
    assert len(OfCreators().find(ask(creator_ids=[], creator_weights=[]), unwatched, 5)) == 0
    assert len(OfCreators().find(ask(creator_ids=["", "z"], creator_weights=[1.0, 1.0]), unwatched, 5)) == 0
