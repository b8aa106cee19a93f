"""The factor of a moment on the scores of candidates."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bento_services.feed.candidates import Candidates
from bento_services.feed.moment import FitsTheMoment
from bento_services.feed.page import Query
from feature_repo.core.row_map import RowMap
from models.candidates.columns import BOOST, CATEGORY, SCORE
from models.page.context import ContextWeights
from models.per_catalog import Codes

IDS = ["short", "long", "grim", "winter"]
GENRES = ("Drama", "Thriller")
FRIDAY_NOON = "2026-11-27T12:00"
FOUND = Candidates.found("any", [0, 1, 2, 3], [0, 0, 0, 0]).with_columns(
    {SCORE: np.array([1.0, 1.0, 1.0, -1.0], dtype=np.float32), CATEGORY: np.array([0, 0, 1, 0])}
)


class Base:
    """What an edition is of."""


class Videos:
    def __init__(self) -> None:
        tags: Any = np.empty(4, dtype=object)
        tags[:] = [[], ["season:11-20/12-26"], [], ["season:11-20/12-26"]]
        self.video_ids = np.array(IDS, dtype=object)
        self.row_of = RowMap.of(IDS)
        self.base = Base()
        self.edition = SimpleNamespace(base=self.base, at=0)
        self.columns = {
            "duration_seconds": np.array([350.0, 1400.0, 700.0, 700.0]),
            "genres": np.array([[1, 0], [1, 0], [1, 1], [1, 0]], dtype=np.float32),
            "tags": tags,
            "category": np.array(["Drama", "Drama", "Thriller", "Drama"], dtype=object),
        }

    def __len__(self) -> int:
        return len(IDS)


CATALOG = Videos()


def factors(weights: ContextWeights, at: str = FRIDAY_NOON, history: tuple[str, ...] = (), **query: Any) -> list[float]:
    now_us = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 1_000_000
    request: Any = SimpleNamespace(
        now_us=now_us,
        query=Query(**query),
        catalog=CATALOG,
        history_ids=history,
        world=SimpleNamespace(genres=GENRES),
    )
    stage = FitsTheMoment(weights, Codes(lambda catalog, rows: catalog.columns["category"][rows]))
    columns = stage.score(request, FOUND)
    score = columns[SCORE]
    assert score.tolist() == pytest.approx([*columns[BOOST][:3], -1.0], rel=1e-6)  # below 0 nothing is boosted
    found: list[float] = np.log(columns[BOOST]).round(6).tolist()
    return found


def test_what_weighs_nothing_changes_nothing() -> None:
    assert factors(ContextWeights(), device="tv", browsing="Drama", history=("grim",)) == [0.0] * 4
    assert factors(ContextWeights(tv_longer=0.2, night_shorter=0.3, weekend_longer=0.1)) == [0.0] * 4


@pytest.mark.parametrize(
    ("weights", "given", "expected"),
    [
        (ContextWeights(night_shorter=0.2), {"at": "2026-11-27T23:00"}, [0.2, -0.2, 0.0, 0.0]),
        (ContextWeights(weekend_longer=0.2), {"at": "2026-11-28T12:00"}, [-0.2, 0.2, 0.0, 0.0]),
        (ContextWeights(mobile_shorter=0.1, tv_longer=0.2), {"device": "mobile"}, [0.1, -0.1, 0.0, 0.0]),
        (ContextWeights(mobile_shorter=0.1, tv_longer=0.2), {"device": "tv"}, [-0.2, 0.2, 0.0, 0.0]),
        (
            ContextWeights(night_calmer=0.3, heavy=("thriller",)),
            {"at": "2026-11-27T22:00", "utc_offset_minutes": 60},
            [0.0, 0.0, -0.3, 0.0],
        ),
        (ContextWeights(mood=0.4, heavy=("Thriller",)), {"history": ("short", "grim")}, [0.0, 0.0, -0.4, 0.0]),
        (ContextWeights(mood=0.4, heavy=("Thriller",)), {"history": ("grim", "short")}, [0.0, 0.0, 0.0, 0.0]),
        (ContextWeights(browsed=0.5), {"browsing": "Thriller"}, [0.0, 0.0, 0.5, 0.0]),
        (ContextWeights(browsed=0.5), {"browsing": "Opera"}, [0.0, 0.0, 0.0, 0.0]),
        (ContextWeights(season=0.25), {}, [0.0, 0.25, 0.0, 0.25]),
        (ContextWeights(season=0.25), {"at": "2026-12-27T12:00"}, [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_each_weight_is_of_its_moment(weights: ContextWeights, given: dict[str, Any], expected: list[float]) -> None:
    assert factors(weights, **given) == pytest.approx(expected)
