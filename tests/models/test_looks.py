"""Near hashes against a comparison of all with all, and what changes of a catalog against computing it anew."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.core.edition import Base, Edition
from models import looks
from models.looks import Looks, near_pairs

BASES = st.integers(0, 2**64 - 1)


class Catalog:
    """An edition of a catalog, of hashes alone."""

    def __init__(self, hashes: list[str], edition: Edition) -> None:
        self.columns = {"perceptual_hash": np.array(hashes, dtype=object)}
        self.edition = edition

    def __len__(self) -> int:
        return len(self.columns["perceptual_hash"])


@st.composite
def clusters(draw: st.DrawFn) -> list[int]:
    """Hashes around few others, so that many pairs are near and many are just too far."""
    around = st.lists(st.sets(st.integers(0, 63), max_size=7), max_size=6)
    bases = draw(st.lists(BASES, min_size=1, max_size=4))
    return [base ^ sum(1 << bit for bit in flipped) for base in bases for flipped in draw(around)]


@settings(deadline=None)
@given(clusters(), st.integers(0, looks.MOST_BITS))
def test_every_pair_of_near_hashes_is_found_and_no_other(found: list[int], bits: int) -> None:
    hash_H = np.unique(np.array(found, dtype=np.uint64))
    near = {
        (one, other)
        for one, other in combinations(range(len(hash_H)), 2)
        if int(hash_H[one] ^ hash_H[other]).bit_count() <= bits
    }
    assert {(min(pair), max(pair)) for pair in near_pairs(hash_H, bits)} == (near if bits else set())


@settings(deadline=None)
@given(clusters(), clusters(), st.data())
def test_near_hashes_have_one_code_also_after_changes_of_the_catalog(
    first: list[int], later: list[int], data: st.DataObject
) -> None:
    texts = ["", *(f"{one:016x}" for one in first)]
    base = Base()
    edits: list[Any] = []
    kept = Looks(4)
    require_right(kept, Catalog(texts, Edition(base, edits, 0)))
    for one in later:
        texts = list(texts)
        row = data.draw(st.integers(0, len(texts)))
        texts[row : row + 1] = [f"{one:016X}"]
        edits.append(np.array([row]))
        require_right(kept, Catalog(texts, Edition(base, edits, len(edits))))


def test_with_many_changes_all_is_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "FEW", 1)
    base, edits = Base(), [np.array([1, 2])]
    kept = Looks(1)
    require_right(kept, Catalog(["00" * 8], Edition(base, edits, 0)))
    require_right(kept, Catalog(["00" * 8, "00" * 7 + "03", "00" * 7 + "01"], Edition(base, edits, 1)))


def require_right(kept: Looks, catalog: Any) -> None:
    texts = catalog.columns["perceptual_hash"].tolist()
    codes = kept.of(catalog).tolist()
    assert len(codes) == len(texts)
    assert [code >= 0 for code in codes] == [bool(text) for text in texts]
    for one, other in combinations(range(len(texts)), 2):
        if texts[one] and texts[other] and kept.are_near(texts[one], texts[other]):
            assert codes[one] == codes[other]
