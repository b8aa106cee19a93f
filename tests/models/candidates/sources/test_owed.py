"""New videos are found by how far they are behind what they were promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from models.allowed import Allowed
from models.candidates.sources import owed
from models.candidates.sources.owed import AT_RANDOM, OWED, SPEC, Owed
from models.candidates.sources.registry import SOURCES
from models.catalog import Catalog, OfflineRequest


@dataclass(frozen=True)
class Owes:
    """c and d are owed, d four times as fast; a was watched."""

    def owed(self, catalog: Catalog) -> tuple[Any, Any]:
        return np.array([0, 2, 3]), np.array([9.0, 1.0, 4.0])


class Asked(OfflineRequest):
    def rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(self.now_us)


def test_the_further_behind_the_likelier_a_video_is_drawn(
    ask: Callable[..., OfflineRequest], unwatched: Allowed
) -> None:
    first: Counter[int] = Counter()
    for number in range(1_000):
        request = Asked(ask().catalog, number, delivery=Owes())
        found = Owed().find(request, unwatched, 1)
        assert len(found) == 1
        first[int(found.rows[0])] += 1
    assert set(first) == {2, 3}
    assert 750 < first[3] < 850
    both = Owed().find(Asked(ask().catalog, 1, delivery=Owes()), unwatched, 20)
    assert sorted(zip(both.rows.tolist(), both.scores.tolist(), strict=True)) == [(2, 1.0), (3, 4.0)]


@dataclass(frozen=True)
class OwesMany:
    """Every video of a catalog of 4,000, the later ones up to five times as fast."""

    def owed(self, catalog: Catalog) -> tuple[Any, Any]:
        return np.arange(4_000), np.linspace(1.0, 5.0, 4_000)


def test_of_many_each_is_drawn_as_by_looking_at_all_of_them(
    ask: Callable[..., OfflineRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = Allowed.of(np.arange(4_000) % 2 == 0)

    def drawn() -> Any:
        found = [Owed().find(Asked(ask().catalog, seed, delivery=OwesMany()), allowed, 20) for seed in range(400)]
        assert all(len(one) == len(set(one.rows.tolist())) == 20 for one in found)
        assert all((one.rows % 2 == 0).all() for one in found)
        return np.histogram(np.concatenate([one.rows for one in found]), bins=8, range=(0, 4_000))[0] / 8_000

    quick = drawn()
    monkeypatch.setattr(owed, "FEW", 1_000)  # each is looked at
    assert quick == pytest.approx(drawn(), abs=0.015)
    assert quick[-1] > 2 * quick[0]


def test_nothing_is_found_where_nothing_is_owed(ask: Callable[..., OfflineRequest], unwatched: Allowed) -> None:
    assert len(Owed().find(ask(), unwatched, 20)) == 0
    only_watched = replace(ask(), delivery=Owes())
    assert len(Owed().find(only_watched, Allowed.of(np.zeros(6, dtype=bool)), 20)) == 0


def test_it_is_drawn_anew_for_every_page_and_not_measured() -> None:
    assert not SPEC.measured
    assert {spec.name for spec in SOURCES} >= AT_RANDOM >= {OWED}
