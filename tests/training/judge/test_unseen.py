"""Rows that the release cannot know are counted by column; those that it knows, and those that say nothing, are not."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from models.encoding.ranker import RankerEncoding
from models.encoding.vocabulary import Vocabulary
from training.judge.unseen import unseen_values

ENCODING = RankerEncoding((), (), (), (), {"surface": Vocabulary(("home",)), "device": Vocabulary(("mobile", "tv"))})


def warned(**columns: list[Any]) -> list[str]:
    return unseen_values(pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()}), ENCODING)


def test_rows_that_the_release_knows_or_that_say_nothing_need_no_word() -> None:
    assert warned(surface=["home", "home", None, ""], device=["tv", None, "mobile", ""]) == []
    assert warned(user_id=["u1"]) == []


@pytest.mark.parametrize("surface", [["tab 7", "tab 7"], ["tab 7", "home"]])
def test_a_column_of_values_that_it_never_saw_is_named_with_how_many_rows(surface: list[str]) -> None:
    (warning,) = warned(surface=surface, device=["tv", "tv"])
    assert warning == (
        f"surface: {surface.count('tab 7')} of 2 rows hold what the release has never seen (tab 7), and are scored as "
        "unknown: expected one of home"
    )


def test_of_many_values_a_few_are_named() -> None:
    (warning,) = warned(device=["a", "b", "c", "d", "tv"])
    assert "4 of 5 rows" in warning
    assert "(a, b, c, …)" in warning
