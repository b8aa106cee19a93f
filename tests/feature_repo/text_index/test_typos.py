"""Words that differ by one edit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.text_index.typos import is_one_edit, meant_by, table_of

WORDS = ["matrix", "metrix", "the", "cat", "it", "東京"]


def test_one_edit_is_one_letter_left_out_added_changed_or_two_that_were_swapped() -> None:
    for other in ("matri", "matrixx", "matrik", "amtrix", "matirx"):
        assert is_one_edit("matrix", other), other
    for other in ("matrix", "matr", "mattrixx", "xatrim", "tamrix"):
        assert not is_one_edit("matrix", other), other


def test_what_may_be_meant_is_found_and_short_words_are_left_alone() -> None:
    table = table_of(WORDS, lambda: None)
    assert {WORDS[at] for at in meant_by("matrix", *table)} >= {"matrix", "metrix"}
    assert {WORDS[at] for at in meant_by("th", *table)} == {"the"}
    assert meant_by("t", *table) == []
    assert "it" not in {WORDS[at] for at in meant_by("its", *table)}


@given(word=st.text("abcde", min_size=4, max_size=9), at=st.integers(0, 8), letter=st.sampled_from("abcde"))
def test_every_single_edit_is_found(word: str, at: int, letter: str) -> None:
    at %= len(word)
    table = table_of([word], lambda: None)
    for edited in (
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    ):
        assert meant_by(edited, *table) == [0]
        assert edited == word or is_one_edit(edited, word)


def test_an_empty_table_holds_nothing() -> None:
    hashes, places = table_of([], lambda: None)
    assert (len(hashes), len(places)) == (0, 0)
    assert meant_by("matrix", hashes, np.zeros(0, dtype=np.int32)) == []
