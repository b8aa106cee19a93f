"""Where a word of a query is in an index."""

from __future__ import annotations

from typing import Any

import numpy as np
from worlds.titled import columns

from feature_repo.text_index.build import build
from feature_repo.text_index.index import EXACT, TYPO

MADE = columns(500)
INDEX = build(MADE, np.arange(500))


def test_every_word_is_where_it_is_said_to_be_and_others_are_nowhere() -> None:
    known = [INDEX.word(at) for at in range(INDEX.size)]
    assert known == sorted(set(known))
    assert [INDEX.at(word) for word in known] == list(range(INDEX.size))
    assert INDEX.at("") == INDEX.at("no such word") == -1


def test_words_that_begin_so_are_all_of_them() -> None:
    for prefix in ("b", "ba", "ž", "\u4e00", "zzzz"):
        span = INDEX.begun(prefix)
        assert [INDEX.word(at) for at in range(span.start, span.end)] == [
            word for at in range(INDEX.size) if (word := INDEX.word(at)).startswith(prefix)
        ]


def test_a_word_itself_is_met_better_than_a_typo_of_it() -> None:
    word = next(word for at in range(INDEX.size) if len(word := INDEX.word(at)) > 5)
    assert INDEX.spans(word, is_last=False)[0].quality == EXACT
    wrong: Any = INDEX.spans(word[:2] + "q" + word[2:], is_last=False)
    assert (INDEX.at(word), TYPO) in [(span.start, span.quality) for span in wrong]
