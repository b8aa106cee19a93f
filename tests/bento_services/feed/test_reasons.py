"""The words under a video: each rule where it holds, and the first that holds is the one that is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bento_services.feed.reasons import OTHERWISE, REASONS, FoundBy, Shown, reason

COLUMNS = {
    "title": ["Mine", "Theirs"],
    "creator_id": ["c1", "c2"],
    "creator_name": ["Lumen", ""],
    "series_id": ["s1", "s1"],
    "genres": np.array([[1.0, 0.0], [0.0, 1.0]]),
}


def shown(row_id: str = "top_picks", found_by: Any = (), anchor: int = -1, **features: Any) -> Shown:
    values = {"creator_ids": [], "creator_weights": [], "genre_affinity": [0.0, 0.0], **features}
    request: Any = SimpleNamespace(
        followed=frozenset(),
        picked=frozenset(),
        catalog=SimpleNamespace(columns=COLUMNS, video_ids=np.array([str(n) for n in range(100)])),
        world=SimpleNamespace(genres=("Drama", "Comedy")),
        creator_weights=dict(zip(values["creator_ids"], values["creator_weights"], strict=True)),
        genre_affinity=np.array(values["genre_affinity"]),
    )
    provenance = dict(found_by) if isinstance(found_by, dict) else dict.fromkeys(found_by, 1.0)
    return Shown(request, row_id, 0, provenance, anchor)


FOLLOWS: dict[str, Any] = {"creator_ids": ["c1"], "creator_weights": [2.5]}
LIKES: dict[str, Any] = {"genre_affinity": [4.0, 1.0]}


@pytest.mark.parametrize(
    ("video", "words"),
    [
        (shown("continue_watching", {"continue_watching": 0.254}), "25 % watched"),
        (shown("explore", ["explore"], **FOLLOWS), "Something different"),
        (shown("because_you_watched:x", ["item_item"], anchor=1, **FOLLOWS), "Because you watched “Theirs”"),
        (shown(found_by=["next_in_series"], anchor=1), "Next in series after “Theirs”"),
        (shown("popular_in_area", ["popular_in_area"], **FOLLOWS), "Popular near you"),
        (shown("trending", {"trending": 0.01}, **FOLLOWS), "Watched most lately"),
        (shown("new_releases", ["new_releases"], **FOLLOWS), "New from Lumen"),
        (shown("new_releases", ["new_releases"], **LIKES), "Just published"),
        (shown(found_by=["trending"], anchor=1, **FOLLOWS), "More from Lumen"),
        (shown(found_by=["item_item"], anchor=1, **LIKES), "Because you watched “Theirs”"),
        (shown(found_by=["popular"], **LIKES), "Because you like Drama"),
        (shown(found_by=["popular"], genre_affinity=[1.0, 4.0]), "Popular now"),
        (shown(found_by=["explore"]), "Something different"),
        (shown(found_by=["explore", "new_releases"]), "New release"),
        (
            shown(found_by={"popular": 9.0, "popular_in_area": 9.0, "new_releases": 1.0, "trending": 1.0}),
            "Trending now",
        ),
        (shown(found_by={"popular": 9.0, "trending": 0.9}), "Popular now"),  # of so few watches nobody says that
        (shown(found_by={"popular": 0.9, "popular_in_area": 0.9, "trending": 0.9}), OTHERWISE),
        (shown("popular", {"popular": 9.0, "trending": 9.0}, **LIKES), "What is watched most"),
        (shown(found_by=["popular", "popular_in_area"]), "Popular near you"),
        (shown(found_by=["two_tower"], creator_ids=["c1"], creator_weights=[2.0]), OTHERWISE),
    ],
)
def test_the_most_telling_reason_is_said(video: Shown, words: str) -> None:
    assert reason(video) == words


def test_a_surface_may_have_reasons_of_its_own() -> None:
    assert reason(shown(found_by=["mine"]), (FoundBy("mine", "Just for this test"), *REASONS)) == "Just for this test"
    assert reason(shown(found_by=["mine"])) == OTHERWISE
