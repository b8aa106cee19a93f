"""The next episode of what was watched, the latest series first."""

from __future__ import annotations

from worlds.asked import EVERYTHING, names, only, request

from models.candidates.columns import ANCHOR
from models.candidates.sources.series import NextInSeries


def test_the_next_allowed_episode_follows_the_one_that_was_watched() -> None:
    found = NextInSeries().find(request(history_ids=["e", "a"]), EVERYTHING, 10)
    assert names(found) == "bf"
    assert found.columns[ANCHOR].tolist() == [0, 4]
    assert found.scores.tolist() == [1.0, 0.5]
    assert names(NextInSeries().find(request(history_ids=["e", "a"]), only("cf"), 10)) == "cf"


def test_a_series_that_is_over_and_a_video_in_none_lead_nowhere() -> None:
    assert len(NextInSeries().find(request(history_ids=["c", "d", "gone"]), EVERYTHING, 10)) == 0
