"""Masks of a catalog that many viewers share, each made once and brought forward by what has changed of it.

A mask is valid for a state of the catalog, for its takedowns, and for a time: until the next publication or expiry. One
is kept for each combination of what filters read of a viewer (country, maturity limit), of those that were used lately.

V videos of the catalog.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from feature_repo.core.edition import Base, Edition
from feature_repo.core.recent import Recent
from models.allowed import Shared
from models.bits import Bits
from models.catalog import Catalog, ViewerRequest
from models.order import BASES
from models.page.rules import SharedFilter

Array = np.ndarray[Any, Any]

MASKS_KEPT = 400  # of V / 8 bytes each: a hundred countries with four maturity limits


class SharedMasks:
    """Thread-safe."""

    def __init__(self, most: int = MASKS_KEPT) -> None:
        self._kept: Recent[Hashable, _Mask] = Recent(most)

    def of(self, rules: Sequence[SharedFilter], request: ViewerRequest) -> Shared:
        """What all of these filters leave. Raises what they raise, and ValueError for an answer that is no mask."""
        asked = tuple((rule, rule.about(request)) for rule in rules)
        return self._kept.got_or(asked, lambda: _Mask(asked)).of(request.catalog, request.now_us)


@dataclass(frozen=True, eq=False)
class _Held:
    base: weakref.ref[Any]
    at: int  # the edition of the catalog
    taken_down: Array  # as it was read: another array where another video is taken down
    now_us: int  # what the filters were asked for; the same until `until_us`
    until_us: float
    edits: list[Array]  # of the mask
    shared: Shared

    def is_of(self, catalog: Catalog) -> bool:
        return self.base() is catalog.edition.base

    def suits(self, catalog: Catalog, now_us: int) -> bool:
        return (
            self.is_of(catalog)
            and self.at == catalog.edition.at
            and self.taken_down is catalog.taken_down
            and self.now_us <= now_us < self.until_us
        )


class _Mask:
    """Of some filters and what each reads of a viewer."""

    def __init__(self, asked: Sequence[tuple[SharedFilter, Hashable]]) -> None:
        self._asked = asked
        self._times = tuple(dict.fromkeys(order for rule, _ in asked for order in rule.times))
        self._lock = threading.Lock()
        self._held: tuple[_Held, ...] = ()

    def of(self, catalog: Catalog, now_us: int) -> Shared:
        for one in self._held:
            if one.suits(catalog, now_us):
                return one.shared
        with self._lock:
            earlier = next((one for one in self._held if one.is_of(catalog)), None)
            if earlier is not None and earlier.suits(catalog, now_us):
                return earlier.shared  # another thread was faster
            if earlier is None:
                held = self._whole(catalog, now_us)
            elif catalog.edition.at < earlier.at or now_us < earlier.now_us:
                return self._whole(catalog, now_us).shared  # a request that is behind: of no use to others
            else:
                held = self._brought(earlier, catalog, now_us)
            others = tuple(one for one in self._held if one is not earlier and one.base() is not None)[-(BASES - 1) :]
            self._held = (*others, held)
            return held.shared

    def _whole(self, catalog: Catalog, now_us: int) -> _Held:
        edits: list[Array] = []
        return _Held(
            base=weakref.ref(catalog.edition.base),
            at=catalog.edition.at,
            taken_down=catalog.taken_down,
            now_us=now_us,
            until_us=self._until_us(catalog, now_us),
            edits=edits,
            shared=Shared(Bits.of(self._keep(catalog, slice(None), len(catalog), now_us)), Edition(Base(), edits)),
        )

    def _brought(self, earlier: _Held, catalog: Catalog, now_us: int) -> _Held:
        size, bits = len(catalog), earlier.shared.bits
        rows = np.unique(np.concatenate(list(self._due(earlier, catalog, now_us))))
        rows = rows[rows < size]
        held = replace(
            earlier,
            at=catalog.edition.at,
            taken_down=catalog.taken_down,
            now_us=now_us,
            until_us=self._until_us(catalog, now_us),
        )
        is_other = self._keep(catalog, rows, len(rows), now_us)
        was = np.zeros(len(rows), dtype=bool)
        was[rows < len(bits)] = bits[rows[rows < len(bits)]]
        changed = rows[was != is_other]
        if not len(changed) and len(bits) == size:
            return held
        earlier.edits.append(changed)
        edition = Edition(earlier.shared.edition.base, earlier.edits, len(earlier.edits))
        return replace(held, shared=Shared(bits.changed(changed, is_other[was != is_other], size), edition))

    def _due(self, earlier: _Held, catalog: Catalog, now_us: int) -> Sequence[Array]:
        """Rows of which the filters may say something else now."""
        before, after = earlier.taken_down, catalog.taken_down
        settled = [] if before is after else [np.flatnonzero(before != after[: len(before)])]
        timely = [order.of(catalog).between(earlier.now_us, now_us) for order in self._times]
        return [catalog.edition.since(earlier.at), *settled, *timely]

    def _until_us(self, catalog: Catalog, now_us: int) -> float:
        return min((order.of(catalog).next_above(now_us) for order in self._times), default=np.inf)

    def _keep(self, catalog: Catalog, rows: Any, count: int, now_us: int) -> Array:
        kept = np.ones(count, dtype=bool)
        for rule, about in self._asked:
            answer = rule.keep(catalog, rows, about, now_us)
            if answer.dtype != np.bool_ or answer.shape != kept.shape:
                raise ValueError(f"{rule.name}: expected {kept.shape} bool, found {answer.shape} {answer.dtype}")
            kept &= answer
        return kept
