"""Segments of viewers: country x device x part of day x age group, and the maturity limit, which a list is made for.

New and anonymous viewers have no base; what is shown to viewers like them is made once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bento_services.feed.page import Query
from bento_services.feed.query_hydrators import viewer_context
from bento_services.feed.stages import Request
from bento_services.feed.viewer import nobody
from feature_repo.store.snapshot import UserFeatures

SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Segment:
    name: str
    viewer: UserFeatures  # nobody in particular, of this segment
    query: Query  # in whose context the list is made


def segment_of(request: Request) -> Segment:
    """The same for all requests of a segment, but for the minutes of the viewer's clock."""
    viewer, values = request.viewer, request.viewer.features.values
    country, age_group = viewer.country, str(values["age_group"])
    (day_part,) = viewer_context([request])["day_part"]
    parts = (country, request.query.device, str(day_part), age_group, str(viewer.maturity_limit))
    profile = {"country": country, "age_group": age_group, "maturity_limit": viewer.maturity_limit}
    like_them = UserFeatures("", False, {**nobody("").values, **profile}, 0)
    query = Query(
        surface=request.query.surface,
        device=request.query.device,
        utc_offset_minutes=request.query.utc_offset_minutes,
        country=country,
    )
    return Segment(SEPARATOR.join(parts), like_them, query)
