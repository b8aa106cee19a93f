"""The same thing twice: videos of one title and year, or that look alike. A page shows one of them.

Episodes of one series share titles and pictures, and are different things. Titles are compared without case, accents
and punctuation. What looks there are is computed once for a catalog, and for what changes of it; a page looks closer
only at what shares a title or a look with another candidate.

N rows of the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from bento_services.feed.page import UNTITLED, Item
from feature_repo.compute.publication import UNKNOWN_US
from feature_repo.core.row_map import hashes_of
from feature_repo.text_index.words import words
from models.catalog import Catalog
from models.looks import Looks
from models.per_video import PerVideo

Array = np.ndarray[Any, Any]

_ASCII = {at: " " for at in range(128) if not chr(at).isalnum()}
_YEAR = re.compile(r"\(([0-9]{4})\)$")  # films carry theirs in the title


class _Thing(NamedTuple):
    title: int
    look: int
    series: str
    episode: int
    hash: str


_OfSeries = dict[str, dict[int, list[str]]]  # series -> episode -> hashes


class NearDuplicates:
    """Thread-safe."""

    def __init__(self, bits: int) -> None:
        """`bits`: of perceptual hashes, in which two that are the same may differ."""
        self._titles = PerVideo(())
        self.looks = Looks(bits)

    def follow(self, catalog: Catalog) -> None:
        """What whoever publishes a catalog calls, before requests see it."""
        self.looks.of(catalog)

    def titles(self, catalog: Catalog, rows: Array) -> Array:
        """(N,) int64: equal for the same title and year, by 63 bits of a hash. Each video's is computed when it is
        first a candidate: few of a large catalog ever are."""
        (title_N,) = self._titles.of(catalog, rows, lambda some: (_hashed(_titles(catalog, some)),))
        return title_N

    def first_of_each(self, catalog: Catalog, rows: Array) -> Array:
        """Places of the rows that are the same as none before them, ascending."""
        title_N, look_N = self.titles(catalog, rows), self.looks.of(catalog)[rows]
        is_asked_N = _is_repeated(title_N) | _is_repeated(look_N)
        if not is_asked_N.any():
            return np.arange(len(rows))
        places = np.flatnonzero(is_asked_N)
        things = self._things(catalog, rows[places], title_N[places], look_N[places])
        titles: dict[int, _OfSeries] = {}
        looks: dict[int, _OfSeries] = {}
        stays_N = np.ones(len(rows), dtype=bool)
        for place, thing in zip(places.tolist(), things, strict=True):
            of_title, of_look = titles.setdefault(thing.title, {}), looks.setdefault(thing.look, {})
            if any(True for _ in _rivals(of_title, thing)) or self._looks_like(of_look, thing):
                stays_N[place] = False
                continue
            for kept in (of_title, of_look):
                kept.setdefault(thing.series, {}).setdefault(thing.episode, []).append(thing.hash)
        return np.flatnonzero(stays_N)

    def looks_twice(self, catalog: Catalog, rows: Array) -> int:
        """How many of these look like one before them."""
        look_N = self.looks.of(catalog)[rows]
        if not _is_repeated(look_N).any():
            return 0
        looks: dict[int, _OfSeries] = {}
        count = 0
        for thing in self._things(catalog, rows, look_N, look_N):
            of_look = looks.setdefault(thing.look, {})
            count += self._looks_like(of_look, thing)
            of_look.setdefault(thing.series, {}).setdefault(thing.episode, []).append(thing.hash)
        return count

    def _things(self, catalog: Catalog, rows: Array, title_N: Array, look_N: Array) -> list[_Thing]:
        columns = catalog.columns
        said = (columns[name][rows].tolist() for name in ("series_id", "episode", "perceptual_hash"))
        return list(map(_Thing, title_N.tolist(), look_N.tolist(), *said))

    def _looks_like(self, of_look: _OfSeries, thing: _Thing) -> bool:
        return thing.look >= 0 and any(self.looks.are_near(one, thing.hash) for one in _rivals(of_look, thing))


def titles_twice(items: Sequence[Item]) -> int:
    """How many of these, by what the page says of them, have the title and year of one before them."""
    keys = [title_key(item.title, item.published_at[:4]) for item in items]
    if len(set(keys)) == len(keys):
        return 0
    before: dict[str, _OfSeries] = {}
    count = 0
    for key, item in zip(keys, items, strict=True):
        if not key:
            continue
        of_title, thing = before.setdefault(key, {}), _Thing(0, -1, item.series_id, item.episode, "")
        count += any(True for _ in _rivals(of_title, thing))
        of_title.setdefault(thing.series, {}).setdefault(thing.episode, []).append("")
    return count


@lru_cache(maxsize=100_000)
def title_key(title: str, year: str) -> str:
    """Equal for the same title and year; "" of a video without a title."""
    title = title.strip()
    if title in ("", UNTITLED):
        return ""
    if title[-1] == ")" and (found := _YEAR.search(title)):
        title, year = title[: found.start()], found[1]
    return f"{_folded(title) or title.casefold()} {year}"


def _folded(title: str) -> str:
    """`words`, of ASCII several times as fast: a catalog has all its titles folded when it is opened."""
    if not title.isascii():
        return " ".join(words(title))
    return " ".join(title.lower().replace("'", "").replace("`", "").translate(_ASCII).split())


def _hashed(words: Iterable[str]) -> Array:
    return (hashes_of(list(words)) >> np.uint64(1)).astype(np.int64)


def _titles(catalog: Catalog, rows: Array) -> Iterable[str]:
    published_us = catalog.columns["published_timestamp_us"][rows]
    years = published_us.astype("datetime64[us]").astype("datetime64[Y]").astype(str)
    years = np.where(published_us == UNKNOWN_US, "", years)  # as a page shows it
    titles = map(title_key.__wrapped__, map(str, catalog.columns["title"][rows]), years.tolist())  # each once: not kept
    return [key or video_id for video_id, key in zip(catalog.video_ids[rows], titles, strict=True)]


def _rivals(before: _OfSeries, thing: _Thing) -> Iterator[str]:
    """The hashes of those that are no other episode of its series."""
    for series, of_episode in before.items():
        if series and series == thing.series:
            yield from of_episode.get(thing.episode, ())
        else:
            yield from chain.from_iterable(of_episode.values())


def _is_repeated(code_N: Array) -> Array:
    """(N,) bool: which of these codes, counted from 0, are there more than once."""
    in_order = np.sort(code_N)
    again = in_order[1:][in_order[1:] == in_order[:-1]]
    again = again[again >= 0]
    if not len(again):
        return np.zeros(len(code_N), dtype=bool)
    repeated = set(again.tolist())
    return np.array([code in repeated for code in code_N.tolist()], dtype=bool)
