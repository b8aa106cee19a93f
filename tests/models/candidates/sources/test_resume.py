"""What was begun and not finished."""

from __future__ import annotations

from worlds.asked import EVERYTHING, names, only, request

from models.candidates.sources.resume import Resume

BEGUN = {"history_video_ids": ["a", "b", "c", "gone", "d"], "history_watch_fractions": [0.5, 0.9, 0.3, 0.5, 0.04]}


def test_the_latest_stands_first_and_what_was_skipped_or_finished_is_not_gone_on_with() -> None:
    found = Resume().find(request(features=BEGUN), EVERYTHING, 10)
    assert names(found) == "ca"
    assert found.scores.tolist() == [0.3, 0.5]
    assert names(Resume().find(request(features=BEGUN), only("a"), 10)) == "a"
    assert names(Resume().find(request(features=BEGUN), EVERYTHING, 1)) == "c"
