"""The index of some videos as arrays that processes can map from one file; and where a word of a query is in it.

words, offsets        T words in order, as UTF-8 one after another
starts                where the places of each word begin
rows, points          P places: a row of the catalog, ascending per word, and what the word is worth there
form_hashes, form_words   typos.table_of
videos                V rows of the catalog, ascending; title_hashes, title_words: of each
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from feature_repo.text_index.typos import is_one_edit, meant_by

Array = np.ndarray[Any, Any]

ARRAYS = (
    "words",
    "offsets",
    "starts",
    "rows",
    "points",
    "form_hashes",
    "form_words",
    "videos",
    "title_hashes",
    "title_words",
)
EXACT, BEGUN, TYPO, SPLIT = 1.0, 0.7, 0.55, 0.8  # how much of a word's worth another way of meeting it has
MOST_TYPOS = 64  # words that may be meant by one, those of most videos first
LEAST_CUT = 3  # letters that are left of an unknown last word of which the end is left out
MOST_CUT = 2


class Span(NamedTuple):
    """Words that follow each other, and how well they meet what was asked for."""

    start: int
    end: int
    quality: float


class TextIndex:
    """Immutable."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        """`arrays`: those of ARRAYS."""
        self.arrays = arrays
        self._words = arrays["words"].data
        self._offsets = arrays["offsets"]
        self._starts = arrays["starts"]
        self.rows, self.points = arrays["rows"], arrays["points"]
        self.videos = arrays["videos"]

    def __len__(self) -> int:
        return len(self.videos)

    @property
    def size(self) -> int:
        """T."""
        return len(self._offsets) - 1

    def word(self, at: int) -> str:
        start, end = self._offsets[at : at + 2].tolist()
        return str(self._words[start:end], "utf-8")

    def places(self, start: int, end: int) -> tuple[int, int]:
        """Where the places of the words from `start` up to `end` are."""
        return int(self._starts[start]), int(self._starts[end])

    def spans(self, word: str, is_last: bool) -> list[Span]:
        """The words that a word of a query meets: itself, words that it begins if it is the last, and typos."""
        found: list[Span] = []
        at = self.at(word)
        if at >= 0:
            found.append(Span(at, at + 1, EXACT))
        if is_last and (span := self.begun(word)).end > span.start + (at >= 0):
            found.append(span)
        typos = self._typos(word)
        found += [Span(one, one + 1, TYPO) for one in typos]
        if is_last and not found:
            found += self._cut(word)
        return found

    def at(self, word: str) -> int:
        """-1 where the word is not known."""
        at = self._bisect(word.encode())
        return at if at < self.size and self.word(at) == word else -1

    def begun(self, prefix: str) -> Span:
        """The words that begin so."""
        start = self._bisect(prefix.encode())
        return Span(start, self._bisect(prefix.encode() + b"\xff"), BEGUN)

    def halves(self, word: str) -> list[str]:
        """Two known words that are this one where the blank was left out: the pair whose rarer word is most common."""
        best, most = [], 0
        for cut in range(1, len(word)):
            left, right = self.at(word[:cut]), self.at(word[cut:])
            if min(left, right) >= 0 and (least := min(self._count(left), self._count(right))) > most:
                best, most = [word[:cut], word[cut:]], least
        return best

    def titles(self, rows: Array) -> tuple[Array, Array]:
        """title_hashes and title_words of these rows of the catalog, which are of this index."""
        places = np.searchsorted(self.videos, rows)
        return self.arrays["title_hashes"][places], self.arrays["title_words"][places]

    def _count(self, at: int) -> int:
        start, end = self.places(at, at + 1)
        return end - start

    def _typos(self, word: str) -> list[int]:
        meant = meant_by(word, self.arrays["form_hashes"], self.arrays["form_words"])
        found = [at for at in meant if is_one_edit(word, self.word(at))]
        return sorted(found, key=lambda at: -self._count(at))[:MOST_TYPOS]

    def _cut(self, word: str) -> list[Span]:
        """Words that begin as it does without its last letters, for a typo in a word that is still being typed."""
        for letters in range(1, MOST_CUT + 1):
            if len(word) - letters < LEAST_CUT:
                break
            span = self.begun(word[:-letters])
            if span.end > span.start:
                return [Span(span.start, span.end, TYPO * BEGUN)]
        return []

    def _bisect(self, word: bytes) -> int:
        """Where the word is, or would be."""
        low, high = 0, self.size
        offsets, data = self._offsets, self._words
        while low < high:
            middle = (low + high) // 2
            if bytes(data[offsets[middle] : offsets[middle + 1]]) < word:
                low = middle + 1
            else:
                high = middle
        return low
