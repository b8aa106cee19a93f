"""The videos that a search finds among those that may be shown."""

from __future__ import annotations

import numpy as np
from worlds.live import WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.snapshot import video_snapshot
from models.allowed import Allowed
from models.candidates.sources.text import ByText
from models.catalog import OfflineRequest, Subject

PLAIN = {name: default_of(name) for name in VIDEO_FEATURES}
ROWS = [
    {**PLAIN, "title": "Orbit", "video_language": word, "published_timestamp_us": day}
    for day, word in enumerate(("sv", "de", "sv"))
]
CATALOG = video_snapshot(["a", "b", "c"], ROWS, WORLD)


def found(allowed: list[bool], **said: object) -> list[int]:
    request = OfflineRequest(CATALOG, 10, subject=Subject(text="orbit", **said))  # type: ignore[arg-type]
    return sorted(ByText().find(request, Allowed.of(np.array(allowed)), 10).rows.tolist())


def test_only_what_is_allowed_and_as_the_search_says_is_found() -> None:
    assert found([True, True, True]) == [0, 1, 2]
    assert found([True, False, True]) == [0, 2]
    assert found([True, True, True], language="sv") == [0, 2]
    assert found([True, True, True], language="fr") == []
    assert found([True, True, True], published_since_us=1, published_before_us=2) == [1]
    assert found([True, True, True], published_before_us=2) == [1]  # of the first is not known when
    assert found([True, True, True], published_since_us=-5) == [1, 2]
