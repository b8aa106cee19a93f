"""A text as the words that an index holds and a query asks for: the same for both.

Case, accents and width do not count. Scripts without blanks between words are cut into characters and pairs of them, as
CJK analyzers do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MOST_LETTERS = 32  # of a word; the rest of a longer one is not looked at

_MARKS = re.compile("[\u0300-\u036f]")  # accents of Latin, Greek and Cyrillic; those of other scripts are letters
_APOSTROPHES = re.compile("['\u2019\u02bc`]")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(  # kana, Han, Thai, Lao, Khmer, Burmese
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"})


def folded(text: str) -> str:
    """Without case, accents and forms of width."""
    if text.isascii():
        return text.lower()
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()))
    return unicodedata.normalize("NFC", plain).translate(_LETTERS)


def words(text: str) -> list[str]:
    """In their order; a run of an unspaced script is its pairs of characters, or the one that it has."""
    if text.isascii():
        return _plain(text)
    return [word for run in _runs(text) for word in (_pairs(run) if _UNSPACED.fullmatch(run) else (run,))]


def indexed(text: str) -> list[str]:
    """`words`, and each character of unspaced scripts by itself."""
    if text.isascii():
        return _plain(text)
    return words(text) + [letter for run in _runs(text) if len(run) > 1 and _UNSPACED.fullmatch(run) for letter in run]


def letters_of(word: str) -> str:
    """The characters of a pair of an unspaced script, each of which may be asked for by itself; of others nothing."""
    return word if len(word) > 1 and _UNSPACED.fullmatch(word) else ""


def _plain(text: str) -> list[str]:
    return [word[:MOST_LETTERS] for word in _WORD.findall(_APOSTROPHES.sub("", text.lower()))]


def _runs(text: str) -> Iterator[str]:
    plain = _APOSTROPHES.sub("", folded(text))
    for run in _WORD.findall(plain):
        if run.isascii():
            yield run[:MOST_LETTERS]
            continue
        at = 0
        for unspaced in _UNSPACED.finditer(run):
            if unspaced.start() > at:
                yield run[at : unspaced.start()][:MOST_LETTERS]
            yield unspaced.group()
            at = unspaced.end()
        if at < len(run):
            yield run[at:][:MOST_LETTERS]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
