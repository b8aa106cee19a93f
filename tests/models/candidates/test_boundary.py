"""Which genres lie at the boundary of what a viewer likes."""

from __future__ import annotations

import numpy as np
import pytest

from models.candidates.boundary import boundary_topics
from models.catalog import CatalogTable

DOCUMENTARY, TRAVEL, NATURE, HORROR, SPORT = range(5)


def catalog(*videos: tuple[str, list[int]]) -> CatalogTable:
    """Of (creator, genres)."""
    genres = np.zeros((len(videos), 5), dtype=np.float32)
    for row, (_, borne) in enumerate(videos):
        genres[row, borne] = 1.0
    ids = np.array([f"v{row}" for row in range(len(videos))], dtype=object)
    return CatalogTable(ids, {"creator_id": np.array([one for one, _ in videos], dtype=object), "genres": genres})


def near(table: CatalogTable, **liked: float) -> list[int]:
    affinity = np.zeros(5, dtype=np.float32)
    for name, value in liked.items():
        affinity[globals()[name]] = value
    return np.flatnonzero(boundary_topics(table, affinity)).tolist()


BY_CREATORS = catalog(
    ("a", [DOCUMENTARY]), ("a", [TRAVEL]), ("a", [DOCUMENTARY]),
    ("b", [HORROR]), ("b", [SPORT]), ("b", [HORROR]),
    ("c", [NATURE]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("liked", "found"),
    [({"DOCUMENTARY": 3.0}, [TRAVEL]), ({"TRAVEL": 1.0}, [DOCUMENTARY]), ({"SPORT": 1.0}, [HORROR])],
)
def test_genres_of_the_same_creators_are_close(liked: dict[str, float], found: list[int]) -> None:
    assert near(BY_CREATORS, **liked) == found


def test_what_the_viewer_usually_watches_is_no_boundary() -> None:
    assert near(BY_CREATORS, DOCUMENTARY=3.0, TRAVEL=2.0) == []


def test_where_nothing_is_close_there_is_no_boundary() -> None:
    assert near(BY_CREATORS, NATURE=1.0) == []
    assert near(catalog(), NATURE=1.0) == []


def test_of_unknown_creators_the_genres_of_one_video_are_close() -> None:
    unknown = catalog(("", [DOCUMENTARY, NATURE]), ("", [HORROR]), ("", [SPORT, HORROR]))
    assert near(unknown, DOCUMENTARY=1.0) == [NATURE]


def test_what_is_half_as_close_as_the_closest_is_close_enough() -> None:
    videos = [("a", [DOCUMENTARY, TRAVEL]), ("b", [DOCUMENTARY, HORROR, SPORT]), ("c", [HORROR, SPORT])]
    assert near(catalog(*videos), DOCUMENTARY=1.0) == [TRAVEL]  # those who make horror mostly make sport
    assert near(catalog(*videos, ("d", [DOCUMENTARY, HORROR])), DOCUMENTARY=1.0) == [TRAVEL, HORROR]
