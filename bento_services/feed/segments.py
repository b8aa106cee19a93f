"""Segments of viewers: country x language x device x part of day x age group, and the maturity limit, which a list is
made for.

New and anonymous viewers have no base; what is shown to viewers like them is made once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bento_services.feed.page import Query
from bento_services.feed.stages import Request
from bento_services.feed.viewer import nobody
from feature_repo.store.snapshot import UserFeatures
from models.encoding.viewer_context import day_parts

SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Segment:
    name: str
    viewer: UserFeatures  # nobody in particular, of this segment
    query: Query  # in whose context the list is made


def segment_of(request: Request) -> Segment:
    """The same for all requests of a segment, but for the minutes of the viewer's clock."""
    viewer, values = request.viewer, request.viewer.features.values
    country, language, age_group = viewer.country, str(values["user_language"]), str(values["age_group"])
    (day_part,) = day_parts(request.context)
    parts = (country, language, request.query.device, day_part, age_group, str(viewer.maturity_limit))
    profile = {
        "country": country,
        "user_language": language,
        "age_group": age_group,
        "maturity_limit": viewer.maturity_limit,
    }
    like_them = UserFeatures("", False, {**_nobodys_values(), **profile}, 0)
    query = Query(
        surface=request.query.surface,
        device=request.query.device,
        utc_offset_minutes=request.query.utc_offset_minutes,
        country=country,
    )
    return Segment(SEPARATOR.join(parts), like_them, query)


@cache
def _nobodys_values() -> Mapping[str, Any]:
    return nobody("").values
