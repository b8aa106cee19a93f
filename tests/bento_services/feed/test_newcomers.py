"""A video that training did not see, among others that it did."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bento_services.feed.candidates import Candidates
from bento_services.feed.newcomers import Newcomers
from feature_repo.core.row_map import RowMap
from models.candidates.columns import SCORE
from models.per_catalog import PerCatalog

IDS = ["watched", "hit", "like", "unlike", "new"]
TRAINED = np.array([0, 1, 2, 3, -1], dtype=np.int32)
CONTENT = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, -1]], dtype=np.float16)
VECTORS = np.array([[9, 9], [9, 9], [9, 9], [9, 9], [0.2, 0.0]], dtype=np.float32)
FOUND = Candidates.found("any", [1, 2, 3, 4], [0, 0, 0, 0]).with_columns(
    {SCORE: np.array([4.0, 3.0, 2.0, 1.0], dtype=np.float32)}
)


def stage() -> Newcomers:
    return Newcomers(
        PerCatalog(lambda catalog, rows: VECTORS[rows]), PerCatalog(lambda c, rows: TRAINED[rows]), CONTENT
    )


def asked(history: list[str], impressions: int = 0, watches: int = 0) -> Any:
    ids = np.array(IDS, dtype=object)
    columns = {
        "video_impression_count_7d": np.array([0.0, 0, 0, 0, impressions]),
        "video_watch_count": np.array([0.0, 0, 0, 0, watches]),
    }
    edition = SimpleNamespace(base=ids, at=0)
    return SimpleNamespace(history_ids=history, catalog=Rows(ids, columns, edition))


class Rows:
    def __init__(self, ids: Any, columns: Any, edition: Any) -> None:
        self.video_ids, self.columns, self.row_of = ids, columns, RowMap.of(ids)
        self.base = Base()
        self.edition = SimpleNamespace(base=self.base, at=0)

    def __len__(self) -> int:
        return len(self.video_ids)


class Base:
    """What an edition is of."""


def test_a_new_video_like_what_was_watched_stands_where_its_content_does() -> None:
    assert stage().score(asked(["watched"]), FOUND)[SCORE].tolist() == [4.0, 3.0, 2.0, 4.0]


@pytest.mark.parametrize(("given", "alpha"), [({"impressions": 100}, 0.6), ({"watches": 100}, 0.6), ({}, 1.0)])
def test_how_much_that_counts_falls_with_what_the_online_store_counts(given: dict[str, int], alpha: float) -> None:
    score = stage().score(asked(["watched"], **given), FOUND)[SCORE]
    assert score[3] == pytest.approx(1.0 + alpha * 3.0)


def test_of_a_viewer_without_a_history_nothing_is_known() -> None:
    assert stage().score(asked([]), FOUND)[SCORE].tolist() == [4.0, 3.0, 2.0, 1.0]
    assert stage().score(asked(["gone"]), FOUND)[SCORE].tolist() == [4.0, 3.0, 2.0, 1.0]
