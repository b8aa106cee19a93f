"""Orders that can be worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.near_duplicates import NearDuplicates
from bento_services.feed.rerankers import ByScore, Diversify, Once, worth_of_score
from models.candidates.sources.resume import RESUME
from models.catalog import CatalogTable
from models.page.exposure import ExposurePrices
from models.page.policy import Diversity

GENRES = np.array([[1.0, 0.0]] * 15 + [[0.0, 1.0]] * 15)


def request_of(limit: int) -> Any:
    ids = np.array([f"v{row}" for row in range(30)], dtype=object)
    return SimpleNamespace(
        query=SimpleNamespace(limit=limit), catalog=SimpleNamespace(columns={"genres": GENRES}, video_ids=ids)
    )


def candidates() -> Candidates:
    """The first 15 are of one genre and a little better than the 15 of the other."""
    score = np.concatenate([np.linspace(1.0, 0.95, 15), np.linspace(0.94, 0.9, 15)])
    return Candidates.found("any", np.arange(30), score).with_columns({"score": score})


def test_the_best_score_stands_first_and_equals_keep_their_order() -> None:
    found = Candidates.found("any", [1, 2, 3], [0, 0, 0]).with_columns({"score": np.array([0.5, 0.9, 0.5])})
    assert ByScore().order(request_of(2), found).tolist() == [1, 0, 2]


def test_genres_are_mixed_and_nothing_is_lost() -> None:
    order = Diversify(Diversity("mmr", 0.5), 30, worth_of_score).order(request_of(5), candidates()).tolist()
    assert sorted(order) == list(range(30))
    assert {row >= 15 for row in order[:10]} == {False, True}


def test_relevance_alone_changes_nothing() -> None:
    order = Diversify(Diversity("mmr", 1.0), 30, worth_of_score).order(request_of(5), candidates()).tolist()
    assert order == list(range(30))


def test_a_price_lifts_a_video_that_nobody_would_be_shown() -> None:
    plain = Diversify(Diversity("mmr", 1.0), 30, worth_of_score)
    priced = Diversify(Diversity("mmr", 1.0), 30, worth_of_score, ExposurePrices({"v29": 1.0}))
    places = [one.order(request_of(5), candidates()).tolist().index(29) for one in (plain, priced)]
    assert places[0] == 29
    assert places[1] < 10


def test_nothing_to_order_is_no_order() -> None:
    nothing = candidates().take([])
    assert Diversify(Diversity(), 30, worth_of_score).order(request_of(5), nothing).tolist() == []


def test_of_a_film_under_two_ids_the_first_stays_or_the_one_that_was_begun() -> None:
    columns = {
        "title": np.array(["One", "Two", "One", "Three", "TWO!"], dtype=object),
        "published_timestamp_us": np.zeros(5, dtype=np.int64),
        "series_id": np.array([""] * 5, dtype=object),
        "episode": np.zeros(5, dtype=np.int64),
        "perceptual_hash": np.array([""] * 5, dtype=object),
    }
    once = Once(NearDuplicates(4))
    catalog = CatalogTable(np.array(list("abcde"), dtype=object), columns)
    request: Any = SimpleNamespace(catalog=catalog, shown_rows=np.zeros(0, dtype=np.int64))
    found = Candidates.found("popular", [4, 2, 0, 3, 1], [5, 4, 3, 2, 1])
    assert found.rows[once.order(request, found)].tolist() == [4, 2, 3]
    merged = Candidates.merged([Candidates.found(RESUME, [1], [0.5]), found])
    begun = merged.take(np.array([1, 2, 3, 4, 0]))
    assert begun.rows[once.order(request, begun)].tolist() == [2, 3, 1]
