"""What is known of each candidate: codes to count by, freshness by date, and the two-tower score."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from worlds.asked import CATALOG, DAY_US, NOW_US

from bento_services.feed.candidates import Candidates
from bento_services.feed.hydrators import TwoTowerScore, VideoFacts
from models.candidates.columns import CATEGORY, CREATOR, FRESH, TWO_TOWER_SCORE
from models.per_catalog import Codes, PerCatalog, codes

FOUND = Candidates.found("any", [4, 1, 3], [0.3, 0.2, 0.1])  # published 3, 1 and 40 days ago


def asked(**given: Any) -> Any:
    """As much of a request as these stages look at."""
    return SimpleNamespace(**{"catalog": CATALOG, "now_us": NOW_US, "user_vector": None, **given})


def facts(fresh_days: int) -> VideoFacts:
    creators = Codes(lambda catalog, rows: catalog.columns["creator_id"][rows])
    return VideoFacts(creators, Codes(lambda catalog, rows: catalog.video_ids[rows]), fresh_days)


def test_facts_stand_in_the_order_of_the_candidates() -> None:
    columns = facts(fresh_days=7).columns(asked(), FOUND)
    creators = codes(list(CATALOG.columns["creator_id"]))
    assert columns[CREATOR].tolist() == creators[[4, 1, 3]].tolist()
    assert columns[CATEGORY].tolist() == [4, 1, 3]
    assert columns[FRESH].tolist() == [True, True, False]


@pytest.mark.parametrize(("fresh_days", "fresh"), [(2, [False, True, False]), (3, [True, True, False])])
def test_fresh_is_counted_in_days_of_the_calendar(fresh_days: int, fresh: list[bool]) -> None:
    evening = asked(now_us=NOW_US + DAY_US - 1)  # the same day's last microsecond
    for request in (asked(), evening):
        assert facts(fresh_days).columns(request, FOUND)[FRESH].tolist() == fresh


def test_the_two_tower_score_is_the_dot_product_with_the_viewers_vector() -> None:
    vectors = np.array([[video, 1.0] for video in range(6)], dtype=np.float32)
    stage = TwoTowerScore(PerCatalog(lambda catalog, rows: vectors[rows]))
    request = asked(user_vector=np.array([2.0, 0.5], dtype=np.float32))
    assert stage.columns(request, FOUND)[TWO_TOWER_SCORE].tolist() == [8.5, 2.5, 6.5]
    with pytest.raises(ValueError, match="needs the viewer's vector"):
        stage.columns(asked(), FOUND)
