"""The surfaces and rows that a rule may name: one that nothing answers to would look as if it did something."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from bento_services.feed.config import FeedConfig
from bento_services.feed.rows.because_you_watched import BECAUSE
from bento_services.feed.rows.recommendations import Recommendations
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.catalog.errors import Fault
from feature_repo.catalog.rule import InvalidRule, Rule
from models.candidates.sources.resume import RESUME


@cache
def rows_with_pins() -> Mapping[str, tuple[str, ...]]:
    """Surface -> its rows in which a video can be pinned: of surfaces whose order states a fact, such as that of a
    search, none; nor what a viewer has begun, nor rows of one watched video each."""
    found = {}
    for name, recipe in SURFACES.items():
        rows = recipe(FeedConfig()).rows
        if any(row.kind in (Recommendations.of, Recommendations.without_exploring) for row in rows):
            found[name] = tuple(row.row_id for row in rows if row.row_id not in (RESUME, BECAUSE))
    return found


def require_places(rule: Rule) -> None:
    """Raises InvalidRule for a surface or a row that there is not, or where a pin would do nothing."""
    faults = []
    if unknown := [name for name in rule.surfaces if name not in SURFACES]:
        faults.append(Fault("surfaces", f"some of {', '.join(SURFACES)}", unknown))
    elif rule.kind == "pin":
        pinning = rows_with_pins()
        if without := [name for name in rule.surfaces if name not in pinning]:
            faults.append(Fault("surfaces", f"in a pin some of {', '.join(pinning)}", without))
        rows = dict.fromkeys(row for name in rule.surfaces or pinning for row in pinning.get(name, ()))
        if rule.row and rule.row not in rows and not without:
            faults.append(Fault("row", f"one of {', '.join(rows)}", rule.row))
    if faults:
        raise InvalidRule(faults)
