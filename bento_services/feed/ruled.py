"""What rules do to a page while it is made: boosts, and videos that are pinned to places of a first page.

What is pinned has to be safe for the viewer, but may have been seen. A video that the viewer is in the middle of stays
in the row of what was begun. Blocks and floors are a filter (models/page/filters.py). N candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates, multiplied
from bento_services.feed.page import RECOMMENDATIONS
from bento_services.feed.stages import Chosen, Request
from models.allowed import Allowed
from models.candidates.sources.resume import RESUME

Array = np.ndarray[Any, Any]

PINNED = "pinned"  # as a source
PERSONAL = ("", *RECOMMENDATIONS)
Places = Sequence[tuple[int, int]]  # position in a row, place among the candidates


def boosted(request: Request, candidates: Candidates) -> Candidates:
    """With scores multiplied by the boosts of rules."""
    factor = request.rules.factors(request, candidates.rows)
    if factor is None:
        return candidates
    return candidates.with_columns(multiplied(candidates, factor))


def pinned(request: Request, safe: Allowed) -> Candidates:
    """What is pinned to this page, as found by a source."""
    pins = request.rules.pins(request) if request.page == 0 else []
    rows = np.array([pin.row for pin in pins if request.has_rows or not pin.row_id], dtype=np.int64)
    kept = rows[safe[rows]] if len(rows) else rows
    return Candidates.found(PINNED, kept, np.ones(len(kept)))


def pins_of(request: Request, candidates: Candidates) -> dict[int, int]:
    """Position -> place of the candidate that is pinned there, among the recommendations."""
    places = _places(candidates)
    pins = request.rules.pins(request) if places else []
    return {pin.position: places[pin.row] for pin in pins if pin.row_id in PERSONAL and pin.row in places}


@dataclass(frozen=True)
class Beside:
    """Pins of rows other than the recommendations, which place theirs while they fill (rows/recommendations.py)."""

    of_row: Mapping[str, Places]

    @classmethod
    def of(cls, request: Request, candidates: Candidates) -> Beside:
        places = _places(candidates)
        found: dict[str, list[tuple[int, int]]] = {}
        for pin in request.rules.pins(request) if places else []:
            if pin.row_id not in (*PERSONAL, RESUME) and pin.row in places:  # what was begun is the viewer's own
                found.setdefault(pin.row_id, []).append((pin.position, places[pin.row]))
        return cls(found)

    @property
    def places(self) -> list[int]:
        return [place for of_row in self.of_row.values() for _, place in of_row]

    def added(self, chosen: Chosen) -> Chosen:
        """The row with its pins, as long as it was."""
        pins = self.of_row.get(chosen.row_id, ())
        if not pins:
            return chosen
        length = len(chosen.order)
        order, propensity = chosen.order.tolist(), [] if chosen.propensity is None else chosen.propensity.tolist()
        for position, place in sorted(pins):
            order.insert(position, place)
            propensity.insert(position, 1.0)
        found = None if chosen.propensity is None else np.array(propensity[:length])
        return replace(chosen, order=np.array(order[:length], dtype=np.int64), propensity=found)


def _places(candidates: Candidates) -> dict[int, int]:
    """Row of the catalog -> place of each pinned candidate that is not in the middle of being watched."""
    at = np.flatnonzero(candidates.is_from(PINNED) & ~candidates.is_from(RESUME))
    return dict(zip(candidates.rows[at].tolist(), at.tolist(), strict=True))
