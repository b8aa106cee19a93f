"""Videos of liked creators, by how much they are liked and watched."""

from __future__ import annotations

from worlds.asked import EVERYTHING, names, only, request

from models.candidates.sources.creators import OfCreators

LIKES = {"creator_ids": ["x", "gone", ""], "creator_weights": [2.0, 9.0, 9.0]}


def test_only_videos_of_liked_creators_are_found_the_popular_ones_first() -> None:
    assert names(OfCreators().find(request(features=LIKES), EVERYTHING, 6)) == "ca"
    assert names(OfCreators().find(request(features=LIKES), only("abef"), 6)) == "a"


def test_whoever_is_liked_more_goes_first() -> None:
    features = {"creator_ids": ["x", "y"], "creator_weights": [1.0, 50.0]}
    assert names(OfCreators().find(request(features=features), EVERYTHING, 6)) == "dbca"


def test_nothing_is_found_of_a_viewer_who_likes_nobody() -> None:
    assert len(OfCreators().find(request(), EVERYTHING, 6)) == 0
    disliked = {"creator_ids": ["x"], "creator_weights": [-1.0]}
    assert len(OfCreators().find(request(features=disliked), EVERYTHING, 6)) == 0
