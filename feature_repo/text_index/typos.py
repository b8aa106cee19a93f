"""Words that differ by one edit: a letter left out, added, changed, or two that were swapped.

Two such words have a form in common with at most one letter left out (Garbe's symmetric delete spelling correction), so
all forms of all words are hashed beforehand, and those of a query are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mmh3
import numpy as np

Array = np.ndarray[Any, Any]

LEAST_LETTERS = 3  # of an indexed word that may be meant by another


def forms(word: str) -> list[str]:
    """The word, and the word without each of its letters."""
    return [word, *{word[:at] + word[at + 1 :] for at in range(len(word))}]


def table_of(words: Iterable[str], advance: Callable[[], None]) -> tuple[Array, Array]:
    """(F,) uint32 hashes of all forms, ascending, and (F,) int32 whose form each is, as places in `words`."""
    hashes: list[Array] = []
    places: list[Array] = []
    for place, word in enumerate(words):
        if len(word) >= LEAST_LETTERS:
            own = _hashes(forms(word))
            hashes.append(own)
            places.append(np.full(len(own), place, dtype=np.int32))
        if place % 4096 == 0:
            advance()
    if not hashes:
        return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int32)
    hash_F, place_F = np.concatenate(hashes), np.concatenate(places)
    order = np.argsort(hash_F, kind="stable")
    return hash_F[order], place_F[order]


def meant_by(word: str, hash_F: Array, place_F: Array) -> list[int]:
    """Places of the words that may be meant; those of equal hashes are among them."""
    if not len(hash_F) or len(word) < LEAST_LETTERS - 1:
        return []
    own = _hashes(forms(word))
    starts, ends = np.searchsorted(hash_F, own, side="left"), np.searchsorted(hash_F, own, side="right")
    found: set[int] = set()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        found.update(place_F[start:end].tolist())
    return sorted(found)


def is_one_edit(one: str, other: str) -> bool:
    """Whether two words differ by one edit."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    if len(one) > len(other):
        return one[at + 1 :] == other[at:]
    is_swapped = one[at : at + 2] == other[at : at + 2][::-1]
    return one[at + 1 :] == other[at + 1 :] or (is_swapped and one[at + 2 :] == other[at + 2 :])


def _hashes(words: Sequence[str]) -> Array:
    return np.fromiter((mmh3.hash(one.encode(), signed=False) for one in words), np.uint32, len(words))
