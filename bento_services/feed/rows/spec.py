"""Declaration of a surface's rows, and what all kinds of rows share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.config import FeedConfig
from bento_services.feed.stages import Chosen, Selector
from models.candidates.columns import CREATOR
from models.page.diversity import first_of_each
from models.page.policy import Policy

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class RowSpec:
    """An entry in a surface's list of rows. `kind` builds the selector that fills the row."""

    row_id: str
    title: str
    reason: str
    kind: Callable[[RowSpec, Policy, FeedConfig], Selector]
    source: str = ""  # the source that fills the row, whose best candidates are always ranked

    def selector(self, policy: Policy, config: FeedConfig) -> Selector:
        return self.kind(self, policy, config)

    def chosen(self, order: Array, least: int, fixed: bool = False, propensity: Array | None = None) -> list[Chosen]:
        """A row of these candidates; none if there are fewer than `least`."""
        enough = len(order) >= least
        return [Chosen(self.row_id, self.title, self.reason, order, propensity, fixed)] if enough else []


def from_source(candidates: Candidates, source: str) -> Array:
    """Places of the candidates that this source found."""
    return np.flatnonzero(candidates.is_from(source))


def varied(order: Array, candidates: Candidates, max_per_creator: int, length: int) -> Array:
    """The first `length` of these places, with at most `max_per_creator` per creator."""
    return order[first_of_each(candidates[CREATOR][order].tolist(), max_per_creator, length)]
