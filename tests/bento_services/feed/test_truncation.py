"""What is ranked of all that the sources bring."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.truncation import ByFusion, FirstFound
from models.candidates.fusion import Fusion, Weight


def request(limit: int = 20) -> Any:
    return SimpleNamespace(query=SimpleNamespace(limit=limit), viewer=SimpleNamespace(watches=0))


def test_without_a_fusion_the_first_sources_go_before_the_others() -> None:
    found = Candidates.found("popular", np.arange(300), -np.arange(300))
    assert FirstFound(200).order(request(), found).tolist() == list(range(200))
    assert len(FirstFound(200).order(request(limit=50), found)) == 250  # a longer page looks at more


def test_a_fusion_takes_the_best_odds_and_keeps_what_rows_need() -> None:
    fusion = Fusion((0,), ({"personal": Weight(0.0, 5.0), "popular": Weight(0.0, 1.0)},))
    found = Candidates.merged(
        [
            Candidates.found("personal", np.arange(300), -np.arange(300)),
            Candidates.found("popular", np.arange(290, 400), -np.arange(110)),
            Candidates.found("explore", [500, 501], [2, 1]),
        ]
    )
    truncation = ByFusion(fusion, 100, {"popular": 20, "explore": 100})
    kept = found.take(truncation.order(request(), found))
    assert len(kept) == 100
    assert {500, 501} <= set(kept.rows.tolist())
    assert set(range(290, 310)) <= set(kept.rows.tolist())
    best = [row for row in range(300) if row not in range(290, 310)][: 100 - 22]
    assert set(best) <= set(kept.rows.tolist())
    assert kept.rows[0] == 0
    assert kept.rows.tolist()[-2:] == [500, 501]  # nobody said anything of these
