"""Texts as words: what does not count, and what a word is where there are no blanks."""

from __future__ import annotations

import pytest

from feature_repo.text_index.words import MOST_LETTERS, folded, indexed, letters_of, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Matrix: Don't!", ["the", "matrix", "dont"]),
        ("Amélie 2", ["amelie", "2"]),
        ("Łódź Ångström", ["lodz", "angstrom"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Ёлки и Йога", ["елки", "и", "иога"]),
        ("ΟΔΥΣΣΕΥΣ Οδυσσεύς", ["οδυσσευσ", "οδυσσευσ"]),
        ("ＦＵＬＬ １２", ["full", "12"]),
        ("한국 영화", ["한국", "영화"]),
        ("東京物語", ["東京", "京物", "物語"]),
        ("東", ["東"]),
        ("abc東京", ["abc", "東京"]),
        ("_ -- …", []),
        ("", []),
    ],
)
def test_case_accents_width_and_marks_do_not_count(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_each_character_of_an_unspaced_script_is_indexed_by_itself() -> None:
    assert indexed("東京 tower") == ["東京", "tower", "東", "京"]
    assert indexed("東") == ["東"]
    assert letters_of("東京") == "東京"
    assert letters_of("ab") == letters_of("東") == ""


def test_of_a_long_word_the_beginning_counts() -> None:
    assert words("x" * 500) == ["x" * MOST_LETTERS]
    assert words("я" * 500) == ["я" * MOST_LETTERS]


def test_folding_twice_changes_nothing() -> None:
    for text in ("İstanbul", "ﬁn", "Ǆ", "ß", "ΐ", "한"):
        assert folded(folded(text)) == folded(text)
