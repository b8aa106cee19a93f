"""The sources of recommendations, in the order in which a page asks them: a new one is its file and a line here.

Pages ask them, training measures the recall of the measured ones and fits their weights in the fusion. Where two
sources know a value of a video, the first one's counts.
"""

from __future__ import annotations

from models.candidates.sources import (
    area,
    content,
    creators,
    explore,
    factors,
    fresh,
    item_item,
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
    trending.SPEC,
    area.SPEC,
    fresh.SPEC,
    explore.SPEC,
    popular.SPEC,
)
MEASURED: tuple[SourceSpec, ...] = tuple(spec for spec in SOURCES if spec.measured)
