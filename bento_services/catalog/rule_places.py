"""The surfaces and rows that a rule may name: one that nothing answers to would look as if it did something."""

from __future__ import annotations

from functools import cache

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import RECOMMENDATIONS
from bento_services.feed.surfaces.registry import SURFACES
from feature_repo.catalog.errors import Fault
from feature_repo.catalog.rule import InvalidRule, Rule


@cache
def row_ids() -> tuple[str, ...]:
    """Of all surfaces, but for rows of one watched video each."""
    rows = [row.row_id for recipe in SURFACES.values() for row in recipe(FeedConfig()).rows]
    return tuple(dict.fromkeys((*rows, *RECOMMENDATIONS)))


def require_places(rule: Rule) -> None:
    """Raises InvalidRule for a surface or a row that there is not."""
    faults = []
    if unknown := [name for name in rule.surfaces if name not in SURFACES]:
        faults.append(Fault("surfaces", f"some of {', '.join(SURFACES)}", unknown))
    if rule.row and rule.row not in row_ids():
        faults.append(Fault("row", f"one of {', '.join(row_ids())}", rule.row))
    if faults:
        raise InvalidRule(faults)
