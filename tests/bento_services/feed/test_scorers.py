"""Scores that can be computed by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bento_services.feed.candidates import Candidates
from bento_services.feed.scorers import FreshnessBoost, RankerScore, RetrievalOrder, SourceFusion, Tiredness
from models.catalog import CatalogTable
from models.page.policy import Boosts

DAY_US = 86_400_000_000
NOW_US = 100 * DAY_US


def request_of(ages_days: list[float]) -> Any:
    published = np.array([NOW_US - int(age * DAY_US) for age in ages_days])
    return SimpleNamespace(now_us=NOW_US, catalog=SimpleNamespace(columns={"published_timestamp_us": published}))


def test_without_models_the_best_word_of_a_source_counts_and_equals_share_a_place() -> None:
    found = Candidates.merged(
        [Candidates.found("series", [7], [1.0]), Candidates.found("popular", [1, 2, 3, 7], [9.0, 9.0, 5.0, 1.0])]
    )
    score = SourceFusion({"series": 1.0, "popular": 0.4}).score(request_of([]), found)["score"]
    by_row = dict(zip(found.rows.tolist(), score.tolist(), strict=True))
    assert by_row == pytest.approx({7: 1.0, 1: 0.4, 2: 0.4, 3: 0.2})


def test_a_source_without_a_weight_says_nothing() -> None:
    found = Candidates.found("explore", [1, 2], [2.0, 1.0])
    assert SourceFusion({"popular": 0.4}).score(request_of([]), found)["score"].tolist() == [0.0, 0.0]


def test_the_two_tower_order_is_scaled_from_0_to_1() -> None:
    found = Candidates.found("any", [0, 1, 2], [0, 0, 0]).with_columns({"two_tower_score": np.array([3.0, -1.0, 1.0])})
    assert RetrievalOrder().score(request_of([]), found)["score"].tolist() == [1.0, 0.0, 0.5]
    broken = found.with_columns({"two_tower_score": np.array([np.nan, 0.0, 0.0])})
    with pytest.raises(ValueError, match="not finite"):
        RetrievalOrder().score(request_of([]), broken)


def test_of_several_who_watch_together_the_mean_of_their_scores_counts() -> None:
    likes: dict[str, list[float]] = {"a": [4.0, 0.0, 2.0], "b": [0.0, 3.0, 2.0]}

    def rank(asked: Any) -> dict[str, Any]:
        return {"score": np.array(likes[asked.user["user_id"][0]])}

    def request(user_id: str) -> Any:
        viewer = SimpleNamespace(features=SimpleNamespace(user_id=user_id))
        return SimpleNamespace(viewer=viewer, user_columns={}, context={}, catalog=None, world=None)

    alone, other = request("a"), request("b")
    alone.of_each, both = [alone], SimpleNamespace(of_each=[alone, other])
    found = Candidates.found("any", [0, 1, 2], [0, 0, 0]).with_columns({"two_tower_score": np.zeros(3)})
    ranker: Any = RankerScore(SimpleNamespace(rank=rank))  # type: ignore[arg-type]
    assert ranker.score(alone, found)["score"].tolist() == [4.0, 0.0, 2.0]
    assert ranker.score(both, found)["score"].tolist() == [2.0, 1.5, 2.0]


def test_new_videos_are_boosted_and_a_score_below_zero_is_not() -> None:
    found = Candidates.found("any", [0, 1, 2, 3], [0, 0, 0, 0])
    found = found.with_columns({"score": np.array([1.0, 1.0, 1.0, -1.0])})
    boosted = FreshnessBoost(Boosts(day=1.2, week=1.1)).score(request_of([0.5, 3.0, 30.0, 0.5]), found)
    assert boosted["score"].tolist() == pytest.approx([1.2, 1.1, 1.0, -1.0])
    assert boosted["boost"].tolist() == pytest.approx([1.2, 1.1, 1.0, 1.2])


def test_what_was_seen_often_and_never_taken_up_counts_for_a_share() -> None:
    found = Candidates.found("any", [0, 1, 2], [0, 0, 0]).with_columns({"score": np.array([4.0, 4.0, -4.0])})
    catalog = CatalogTable(np.array(["a", "b", "c"], dtype=object), {})
    features = {"shown_video_ids": ["c", "b", "gone", "a"], "shown_counts": [9, 5, 7, 4]}
    request: Any = SimpleNamespace(catalog=catalog, features=features)
    assert Tiredness(5, 0.5).score(request, found)["score"].tolist() == [4.0, 2.0, -4.0]
    assert Tiredness(10, 0.5).score(request, found)["score"].tolist() == [4.0, 4.0, -4.0]
