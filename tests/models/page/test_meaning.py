"""What belongs on a surface: by hand, of whole catalogs and of some rows."""

from __future__ import annotations

import numpy as np
import pytest

from models.catalog import CatalogTable, OfflineRequest, Subject
from models.page.meaning import IN_CATEGORY, IN_ITS_CATEGORY, NOT_ITSELF
from models.page.rules import SharedFilter


def _lists(*values: list[str]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


CATALOG = CatalogTable(
    np.array(["a", "b", "c", "d"], dtype=object),
    {
        "category": np.array(["Drama", "", "Comedy", ""], dtype=object),
        "genre_names": _lists(["Comedy"], ["Drama", "War"], ["Drama"], []),
    },
)


def asked(**subject: str) -> OfflineRequest:
    return OfflineRequest(CATALOG, 0, subject=Subject(**subject))  # type: ignore[arg-type]


def kept(rule: SharedFilter, request: OfflineRequest) -> str:
    about = rule.about(request)
    whole = rule.keep(CATALOG, slice(None), about, 0)
    assert [bool(rule.keep(CATALOG, np.array([row]), about, 0)[0]) for row in range(4)] == whole.tolist()
    return "".join(CATALOG.video_ids[whole])


@pytest.mark.parametrize(("category", "expected"), [("Drama", "ab"), ("Comedy", "c"), ("War", ""), ("", "abcd")])
def test_a_category_is_the_stated_one_or_the_first_genre(category: str, expected: str) -> None:
    assert kept(IN_CATEGORY, asked(category=category)) == expected


@pytest.mark.parametrize(("video_id", "expected"), [("b", "ab"), ("c", "c"), ("d", "abcd"), ("gone", "abcd")])
def test_beside_a_video_stand_those_of_its_category(video_id: str, expected: str) -> None:
    assert kept(IN_ITS_CATEGORY, asked(video_id=video_id)) == expected


def test_a_video_does_not_stand_beside_itself() -> None:
    assert NOT_ITSELF.excepted(asked(video_id="c")).tolist() == [2]
    assert NOT_ITSELF.excepted(asked(video_id="gone")).tolist() == []
