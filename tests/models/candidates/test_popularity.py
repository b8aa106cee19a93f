"""Popularity on tables small enough to count by hand."""

from pathlib import Path

import pytest

from models.candidates.popularity import AREA_DAYS, AreaPopularity, Popularity

DAY_US = 86_400_000_000


def test_popularity_counts_ever_and_in_the_last_seven_days(tmp_path: Path) -> None:
    now = 100 * DAY_US
    old, week_ago, today = now - 30 * DAY_US, now - 7 * DAY_US, now - 1
    watched = [("a", old), ("a", old), ("a", old), ("b", week_ago), ("c", today), ("c", old), ("z", now)]
    popularity = Popularity.fit(watched, now)
    popularity.save(tmp_path / "popularity")
    for model in (popularity, Popularity.load(tmp_path / "popularity")):
        assert model.top(10) == ["a", "c", "b"]
        assert model.top(10, recent=True) == ["b", "c"]
        assert model.counts == {"a": 3, "c": 2, "b": 1}
        assert model.top(1) == ["a"]


def test_of_equals_the_smaller_id_comes_first() -> None:
    assert Popularity({"b": 2, "a": 2, "c": 3}, {"b": 1}).top(2) == ["c", "a"]
    assert Popularity({"b": 2, "a": 2, "c": 3}, {"b": 1}).top(2, recent=True) == ["b"]


def test_a_watch_counts_half_after_its_half_life_in_its_country_alone(tmp_path: Path) -> None:
    now_us = 100 * DAY_US
    old_us = now_us - int(AREA_DAYS * DAY_US)
    watches = [("DE", "new", now_us - 1), ("DE", "old", old_us), ("FR", "old", old_us), ("", "new", 0)]
    AreaPopularity.fit([*watches, ("DE", "future", now_us)], now_us).save(tmp_path)
    best = AreaPopularity.load(tmp_path).best
    assert [video for video, _ in best["DE"]] == ["new", "old"]
    assert best["DE"][1][1] == pytest.approx(0.5, rel=1e-3)
    assert list(best) == ["DE", "FR"]
