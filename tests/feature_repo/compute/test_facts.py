"""The subject of an event: its video, else what it is about."""

from __future__ import annotations

import pytest

from feature_repo.compute.facts import UNKNOWN_VIDEO, VideoFacts, facts_of
from feature_repo.events import Event

SLOTS = {"Drama": 0, "Science Fiction": 1}


def event(kind: str, video_id: str = "", about: str = "") -> Event:
    return Event(event_id="e", user_id="u", video_id=video_id, event=kind, timestamp_us=1, about=about)


def test_the_facts_of_a_video_are_the_catalogs() -> None:
    known = {"v1": VideoFacts((3,), "c1", 60.0)}
    assert facts_of(event("watch", "v1"), known, SLOTS) is known["v1"]
    assert facts_of(event("pick", "v2", "Drama"), known, SLOTS) is UNKNOWN_VIDEO


@pytest.mark.parametrize(
    ("kind", "about", "slots"),
    [
        ("browse", "Drama", (0,)),
        ("browse", "drama", ()),
        ("pick", "Science Fiction", (1,)),
        ("search", "old science, FICTION and drama", (0, 1)),
        ("search", "science", ()),
        ("follow", "c1", ()),
    ],
)
def test_without_a_video_it_is_about_genres_of_the_world(kind: str, about: str, slots: tuple[int, ...]) -> None:
    assert facts_of(event(kind, about=about), {}, SLOTS) == VideoFacts(slots, known=False)
