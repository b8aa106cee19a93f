"""Videos whose pictures are nearly equal: perceptual hashes of 64 bits that differ in few of them.

Nearness is no equivalence: of three hashes, the outer two may differ in twice as many bits. A code of a hash is common
to all that are connected by near ones, so that different codes mean that two are not near; equal ones have to be
compared.

V videos of the catalog, H different hashes of them, N rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from feature_repo.core.growing import GrowingColumn
from feature_repo.core.texts import alike
from models.catalog import Catalog
from models.per_catalog import AT_ONCE, Followed

Array = np.ndarray[Any, Any]

BITS = 64
MOST_BITS = 8  # in which two hashes may differ; with more, whatever is dark or bright would be alike
FEW = 256  # new hashes that are each compared with all; with more of them, all are compared again


class Looks:
    """Thread-safe."""

    def __init__(self, bits: int) -> None:
        """`bits`: 0 to MOST_BITS, in which two hashes may differ and are near."""
        self.bits = bits
        self._followed: Followed[_Coded] = Followed(_Code(bits))

    def of(self, catalog: Catalog) -> Array:
        """(V,) int32: codes; -1 = no hash."""
        return self._followed.of(catalog).codes.view()[: len(catalog)]

    def are_near(self, one: str, other: str) -> bool:
        return (int(one, 16) ^ int(other, 16)).bit_count() <= self.bits


class _Coded:
    def __init__(self, hash_H: Array, code_H: Array, codes: Array) -> None:
        """`hash_H`: ascending."""
        self.hash_H, self.code_H = hash_H, code_H
        self.codes = GrowingColumn(codes)
        self.later: dict[int, int] = {}  # hashes that came since, and their codes
        self.next = int(code_H.max(initial=-1)) + 1

    def code_of(self, wanted: int) -> int:
        """-1 of a hash that is new."""
        at = int(np.searchsorted(self.hash_H, np.uint64(wanted)))
        if at < len(self.hash_H) and int(self.hash_H[at]) == wanted:
            return int(self.code_H[at])
        return self.later.get(wanted, -1)

    def add(self, wanted: int, bits: int) -> None:
        """A new hash, which may connect what was apart."""
        near = set(self.code_H[np.bitwise_count(self.hash_H ^ np.uint64(wanted)) <= bits].tolist())
        near |= {code for one, code in self.later.items() if (one ^ wanted).bit_count() <= bits}
        code = min(near, default=self.next)
        self.next = max(self.next, code + 1)
        self.later[wanted] = code
        if others := near - {code}:
            old = list(others)
            self.code_H[np.isin(self.code_H, old)] = code
            self.later = {one: code if before in others else before for one, before in self.later.items()}
            rows = np.flatnonzero(np.isin(self.codes.view(), old))
            self.codes.rewrite(rows, np.full(len(rows), code, dtype=np.int32))


class _Code:
    def __init__(self, bits: int) -> None:
        self._bits = bits

    def whole(self, catalog: Catalog) -> _Coded:
        hash_N, is_known_N = _hashes(catalog, np.arange(len(catalog)))
        hash_H, which = np.unique(hash_N[is_known_N], return_inverse=True)
        code_H = _connected(len(hash_H), near_pairs(hash_H, self._bits))
        codes = np.full(len(catalog), -1, dtype=np.int32)
        codes[is_known_N] = code_H[which]
        return _Coded(hash_H, code_H, codes)

    def extended(self, kept: _Coded, catalog: Catalog, rows: Array) -> _Coded:
        hash_N, is_known_N = _hashes(catalog, rows)
        new = {one for one in hash_N[is_known_N].tolist() if kept.code_of(one) < 0}
        if len(kept.later) + len(new) > FEW:
            return self.whole(catalog)
        for one in sorted(new):
            kept.add(one, self._bits)
        pairs = zip(hash_N.tolist(), is_known_N.tolist(), strict=True)
        code_N = np.array([kept.code_of(one) if known else -1 for one, known in pairs], dtype=np.int32)
        is_new_N = rows >= len(kept.codes)
        was_N = kept.codes.view()[rows[~is_new_N]]
        if (was_N != code_N[~is_new_N]).any():
            kept.codes.rewrite(rows[~is_new_N], code_N[~is_new_N])
        if is_new_N.any():
            kept.codes.append(code_N[is_new_N])
        return kept


def near_pairs(hash_H: Array, bits: int) -> Iterator[tuple[int, int]]:
    """The places of all pairs of different hashes that differ in at most `bits`; a pair may come more than once.

    Of bits + 2 bands, two at least are equal in such a pair: only those that share two bands are compared (Manku, Jain
    & Das Sarma 2007, section 3). The time is that of (bits + 2)(bits + 1) / 2 sorts, as long as hashes are spread.
    """
    if bits < 1 or len(hash_H) < 2:
        return
    ends = np.linspace(0, BITS, bits + 3).astype(int).tolist()
    bands = list(pairwise(ends))
    for (start, end), (other_start, other_end) in combinations(bands, 2):
        mask = ((1 << end) - (1 << start)) | ((1 << other_end) - (1 << other_start))
        key_H = hash_H & np.uint64(mask)
        order = np.argsort(key_H, kind="stable")
        key_H, sorted_H = key_H[order], hash_H[order]
        at = np.arange(len(order))
        for shift in range(1, len(order)):
            at = at[at + shift < len(order)]
            at = at[key_H[at] == key_H[at + shift]]
            if not len(at):
                break
            near = at[np.bitwise_count(sorted_H[at] ^ sorted_H[at + shift]) <= bits]
            yield from zip(order[near].tolist(), order[near + shift].tolist(), strict=True)


def _connected(count: int, pairs: Iterator[tuple[int, int]]) -> Array:
    """(count,) int32: the least place that each is connected with."""
    least: dict[int, int] = {}

    def found(one: int) -> int:
        while (above := least.get(one, one)) != one:
            least[one] = least.get(above, above)
            one = above
        return one

    for one, other in pairs:
        low, high = sorted((found(one), found(other)))
        least[high] = low
    codes = np.arange(count, dtype=np.int32)
    for one in least:
        codes[one] = found(one)
    return codes


def _hashes(catalog: Catalog, rows: Array) -> tuple[Array, Array]:
    """(N,) uint64, and whether there is one."""
    column = catalog.columns["perceptual_hash"]
    some, which = alike([column], rows)
    hash_K, is_known_K = np.zeros(len(some), dtype=np.uint64), np.zeros(len(some), dtype=bool)
    for start in range(0, len(some), AT_ONCE):
        for at, text in enumerate(column[some[start : start + AT_ONCE]], start):
            if text:
                hash_K[at], is_known_K[at] = int(text, 16), True
    return hash_K[which], is_known_K[which]
