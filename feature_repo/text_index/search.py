"""What a query finds in the indexes of a catalog: that of all videos, and those of videos that have changed since.

A video's score is the share of what the query's words are worth: each by how rare it is (Spärck Jones' idf), how well
it was met, and in which field; 0 to 1. A title of which more is asked for comes first, and one that is asked for as a
whole before all others: it scores above 1.

N rows of the catalog, W words of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

import numpy as np

from feature_repo.text_index.build import TITLE, hash_of
from feature_repo.text_index.index import EXACT, SPLIT, Span, TextIndex
from feature_repo.text_index.words import letters_of, words

Array = np.ndarray[Any, Any]

MOST_WORDS = 16  # of a query that are looked at
MOST_PLACES = 25_000  # of the rarer words that are read; what more common ones add is looked up for what those found
HALF_WORTH = 8.0  # points that make half of what a word can be worth
LETTER = 0.3  # of a pair's worth that one of its characters has
OF_TITLE = 0.3  # of the score, that the share of the title has which was asked for


class Hits(NamedTuple):
    rows: Array  # (N,) ascending
    scores: Array  # (N,) float32, above 0; above 1: the whole title


NOTHING = Hits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))


class Asked(NamedTuple):
    """A word of a query. `share`: of a word's worth; `is_extra`: another way to read words that count already."""

    word: str
    share: float = EXACT
    is_last: bool = False
    is_extra: bool = False


@dataclass(frozen=True)
class Segment:
    index: TextIndex
    stale: Array  # rows that a later segment has anew, ascending


def search(query: str, segments: Sequence[Segment]) -> Hits:
    """All that a query finds, up to about MOST_PLACES."""
    plain = words(query)
    asked = _asked(plain[:MOST_WORDS], segments, is_typing=query == query.rstrip())
    if not asked:
        return NOTHING
    spans = [[segment.index.spans(one.word, one.is_last) for one in asked] for segment in segments]
    worth = _worths(asked, spans, segments)
    whole = max(sum(one for one, word in zip(worth, asked, strict=True) if not word.is_extra), 1e-9)
    wanted = np.uint64(hash_of(plain))
    found = [
        _found(segment, own, worth, whole, len(plain), wanted) for segment, own in zip(segments, spans, strict=True)
    ]
    rows, scores = np.concatenate([one.rows for one in found]), np.concatenate([one.scores for one in found])
    order = np.argsort(rows, kind="stable")
    return Hits(rows[order], scores[order])


def _asked(plain: Sequence[str], segments: Sequence[Segment], is_typing: bool) -> list[Asked]:
    last = len(plain) - 1
    asked = [Asked(word, is_last=is_typing and place == last) for place, word in enumerate(plain)]
    known = [any(segment.index.at(word) >= 0 for segment in segments) for word in plain]
    for place, word in enumerate(plain):
        asked += [Asked(letter, LETTER, is_extra=True) for letter in letters_of(word)]
        if not known[place] and len(word) > 2:  # a blank that was left out
            halves = max((segment.index.halves(word) for segment in segments), key=len)
            asked += [Asked(half, SPLIT / 2, is_extra=True) for half in halves]
        if place and not (known[place] and known[place - 1]):  # and one too many
            joined = plain[place - 1] + word
            if any(segment.index.at(joined) >= 0 for segment in segments):
                asked.append(Asked(joined, SPLIT, is_extra=True))
    return asked


def _worths(
    asked: Sequence[Asked], spans: Sequence[Sequence[Sequence[Span]]], segments: Sequence[Segment]
) -> list[float]:
    """Of each word: the rarer, the more."""
    videos = sum(len(segment.index) for segment in segments)
    worths = []
    for place, one in enumerate(asked):
        exact = met = 0
        for segment, own in zip(segments, spans, strict=True):
            for span in own[place]:
                start, end = segment.index.places(span.start, span.end)
                met += end - start
                exact += end - start if span.quality == EXACT else 0
        worths.append(one.share * log(1 + videos / max(exact or met, 1)))
    return worths


def _found(
    segment: Segment, spans: Sequence[Sequence[Span]], worth: Sequence[float], whole: float, count: int, wanted: Any
) -> Hits:
    """`count`: words of the query; `wanted`: the hash of a title that is the query."""
    index = segment.index
    sizes = [sum(_size(index, span) for span in own) for own in spans]
    read = 0
    parts: list[tuple[Array, Array, Array]] = []
    common: list[int] = []
    for place in sorted(range(len(spans)), key=lambda place: sizes[place]):
        if not sizes[place]:
            continue
        if parts and read + sizes[place] > MOST_PLACES:
            common.append(place)
            continue
        parts.append(_of_word(index, spans[place], worth[place]))
        read += len(parts[-1][0])
    if not parts:
        return NOTHING
    rows, (scores, in_title) = _summed(
        np.concatenate([part[0] for part in parts]),
        (np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])),
        np.add,
    )
    for place in common:
        more, more_title = _looked_up(index, spans[place], worth[place], rows)
        scores, in_title = scores + more, in_title + more_title
    hashes, sizes_of_titles = index.titles(rows)
    share = np.minimum(in_title / np.maximum(sizes_of_titles, count), 1.0)
    scores = (1 - OF_TITLE) * np.minimum(scores / whole, 1.0) + OF_TITLE * share + (hashes == wanted)
    if len(segment.stale):
        fresh = ~np.isin(rows, segment.stale)
        rows, scores = rows[fresh], scores[fresh]
    return Hits(rows.astype(np.int64), scores.astype(np.float32))


def _size(index: TextIndex, span: Span) -> int:
    start, end = index.places(span.start, span.end)
    return end - start


def _of_word(index: TextIndex, spans: Sequence[Span], worth: float) -> tuple[Array, Array, Array]:
    """Rows that have one of the words, ascending, what that is worth, and whether it is in the title."""
    rows: list[Array] = []
    scores: list[Array] = []
    titles: list[Array] = []
    left = MOST_PLACES
    for span in spans:
        start, end = index.places(span.start, span.end)
        own, points = index.rows[start:end], index.points[start:end]
        if len(own) > left:  # a word of very many: those where it is worth most
            kept = np.argpartition(-points.astype(np.int16), left - 1)[:left] if left else np.zeros(0, dtype=np.int64)
            own, points = own[kept], points[kept]
        left -= len(own)
        rows.append(own)
        scores.append(worth * span.quality * _share(points))
        titles.append((points >= TITLE) * np.float32(span.quality))
    joined, (score, title) = _summed(np.concatenate(rows), (np.concatenate(scores), np.concatenate(titles)), np.maximum)
    return joined, score, title


def _looked_up(index: TextIndex, spans: Sequence[Span], worth: float, rows: Array) -> tuple[Array, Array]:
    """What a common word adds to rows that others have found; of words that it begins only itself."""
    score, title = np.zeros(len(rows), dtype=np.float32), np.zeros(len(rows), dtype=np.float32)
    for span in spans:
        if span.end - span.start > 1:
            continue
        start, end = index.places(span.start, span.end)
        own = index.rows[start:end]
        at = np.minimum(np.searchsorted(own, rows), max(len(own) - 1, 0))
        if not len(own):
            continue
        has = own[at] == rows
        points = index.points[start:end][at]
        score = np.maximum(score, np.where(has, worth * span.quality * _share(points), 0))
        title = np.maximum(title, np.where(has & (points >= TITLE), span.quality, 0))
    return score, title


def _share(points: Array) -> Array:
    """(n,) float32: of what a word can be worth, 1 in a title."""
    worth = points.astype(np.float32)
    return np.minimum((worth / (worth + HALF_WORTH)) * np.float32((TITLE + HALF_WORTH) / TITLE), 1.0)


def _summed(rows: Array, values: tuple[Array, ...], how: Any) -> tuple[Array, tuple[Array, ...]]:
    """Distinct rows, ascending, and for each the values of its places, added up or the largest."""
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    firsts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]])) if len(rows) else np.zeros(0, dtype=int)
    if len(firsts) == len(rows):
        return rows, tuple(value[order] for value in values)
    return rows[firsts], tuple(how.reduceat(value[order], firsts) for value in values)
