"""Builds the index of some videos.

V videos, T words, P places (a word of a video), F forms of words (typos.py).
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any

import mmh3
import numpy as np

from feature_repo.text_index.index import TextIndex
from feature_repo.text_index.typos import table_of
from feature_repo.text_index.words import indexed, words

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Any]  # of the catalog

# What a word is worth in each field; `schema` says which of them a video has.
TITLE = 16
FIELDS: Mapping[str, int] = {
    "title": TITLE,
    "creator_name": 8,
    "cast": 6,
    "tags": 4,
    "category": 4,
    "genre_names": 4,
    "description": 1,
}
VERSION = 1  # of how texts become words and arrays
MOST_POINTS = 255
MOST_OF_A_FIELD = 3  # times that a word counts in one field
AT_ONCE = 1_024  # videos, between which request threads can run
REMEMBERED = 1 << 16  # values of a field whose words are kept while it is built


def build(columns: Columns, rows: Array, advance: Callable[[], None] = lambda: None) -> TextIndex:
    """The index of these rows of a catalog, ascending; `advance` is called again and again."""
    building = _Building()
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        building.add(some, {name: columns[name][some] for name in FIELDS})
        advance()
        time.sleep(0)
    return building.built(rows, advance)


class _Building:
    def __init__(self) -> None:
        self._code_of: dict[str, int] = {}
        self._codes = array("i")
        self._rows = array("i")
        self._points = array("B")
        self._title_hashes = array("Q")
        self._title_words = array("B")
        self._words_of: dict[str, list[str]] = {}

    def add(self, rows: Array, fields: Mapping[str, Array]) -> None:
        code_of = self._code_of
        for place, row in enumerate(rows.tolist()):
            points: dict[str, int] = {}
            for name, worth in FIELDS.items():
                self._count(points, fields[name][place], worth)
            title = words(str(fields["title"][place]))
            self._title_hashes.append(hash_of(title))
            self._title_words.append(min(len(title), 255))
            self._codes.extend([code_of.setdefault(word, len(code_of)) for word in points])
            self._rows.extend([row] * len(points))
            self._points.extend([min(one, MOST_POINTS) for one in points.values()])

    def _count(self, points: dict[str, int], value: Any, worth: int) -> None:
        texts = [value] if isinstance(value, str) else ([] if value is None else value)
        counted: dict[str, int] = {}
        for text in texts:
            for word in self._words(text, worth):
                counted[word] = counted.get(word, 0) + 1
        for word, times in counted.items():
            points[word] = points.get(word, 0) + worth * (min(times, MOST_OF_A_FIELD) if worth == 1 else 1)

    def _words(self, text: str, worth: int) -> list[str]:
        if worth in (1, TITLE):  # hardly any of them occurs twice
            return indexed(text)
        found = self._words_of.get(text)
        if found is None:
            if len(self._words_of) >= REMEMBERED:
                self._words_of.clear()
            found = self._words_of[text] = indexed(text)
        return found

    def built(self, rows: Array, advance: Callable[[], None]) -> TextIndex:
        sorted_words = sorted(self._code_of)
        place_of_code = np.empty(len(sorted_words), dtype=np.int32)
        place_of_code[[self._code_of[word] for word in sorted_words]] = np.arange(len(sorted_words), dtype=np.int32)
        place_P = place_of_code[np.frombuffer(self._codes, dtype=np.int32)] if len(self._codes) else _none(np.int32)
        order = np.argsort(place_P, kind="stable")  # rows ascend already
        advance()
        encoded = [word.encode() for word in sorted_words]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(one) for one in encoded], out=offsets[1:])
        starts = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum(np.bincount(place_P, minlength=len(encoded)), out=starts[1:])
        hash_F, place_F = table_of(sorted_words, advance)
        return TextIndex(
            {
                "words": np.frombuffer(b"".join(encoded), dtype=np.uint8),
                "offsets": offsets,
                "starts": starts,
                "rows": np.frombuffer(self._rows, dtype=np.int32)[order] if len(order) else _none(np.int32),
                "points": np.frombuffer(self._points, dtype=np.uint8)[order] if len(order) else _none(np.uint8),
                "form_hashes": hash_F,
                "form_words": place_F,
                "videos": np.asarray(rows, dtype=np.int32),
                "title_hashes": np.array(self._title_hashes, dtype=np.uint64),
                "title_words": np.array(self._title_words, dtype=np.uint8),
            }
        )


def hash_of(title: list[str]) -> int:
    """Of a title as words, by which an equal one is known."""
    return int(mmh3.hash64(" ".join(title).encode(), signed=False)[0])


def _none(dtype: Any) -> Array:
    return np.zeros(0, dtype=dtype)
