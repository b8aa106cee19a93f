"""The sources of recommendations, in the order in which a page asks them. A new source is a file and a line here.

Serving asks all of them; training measures the recall of those in MEASURED and fits their fusion weights. Where two
sources set the same column of a video, the first one's value is kept.
"""

from __future__ import annotations

from models.candidates.sources import (
    area,
    content,
    creators,
    explore,
    factors,
    followed,
    fresh,
    item_item,
    owed,
    popular,
    series,
    trending,
    two_tower,
)
from models.candidates.sources.spec import SourceSpec

SOURCES: tuple[SourceSpec, ...] = (
    two_tower.SPEC,
    item_item.SPEC,
    factors.SPEC,
    content.SPEC,
    series.SPEC,
    creators.SPEC,
    followed.SPEC,
    trending.SPEC,
    area.SPEC,
    fresh.SPEC,
    explore.SPEC,
    owed.SPEC,
    popular.SPEC,
)
MEASURED: tuple[SourceSpec, ...] = tuple(spec for spec in SOURCES if spec.measured)
