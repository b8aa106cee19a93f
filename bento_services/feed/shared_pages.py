"""Pages made once for all viewers of a segment: what a very busy service shows instead of making one for each.

A viewer gets the page without what they may not see or have seen: spare videos, of the same category where there is
one, take these places. The certificate is measured on the page as it is then shown, once for all who may see all of
it; a page that would keep fewer rules than that is not shown at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from bento_services import metrics
from bento_services.feed import cursor as cursors
from bento_services.feed.certificate import certify
from bento_services.feed.compose import Serving
from bento_services.feed.page import SEGMENT, Item, Page, PageAgain, Row
from bento_services.feed.segments import Segment, segment_of
from bento_services.feed.stages import Request
from bento_services.feed.validity import Validity, can_be_shown_again
from bento_services.feed.viewer import Knowledge
from feature_repo.core.recent import Recent
from models.allowed import Allowed
from models.page.diversity import Caps
from models.page.filters import all_of

Array = np.ndarray[Any, Any]
Make = Callable[[Segment, int], Page]  # with so many recommendations

SPARES = 2  # for each place of a page
MOST = 60  # places and spares together
SECONDS = 30.0
MEANWHILE_SECONDS = 2.0  # at least, of one from a lower rung; then until the segment's list has been made
MEANWHILE_SHARE = 0.005  # of the time at most, for making such a page again: there may be a hundred segments
KEPT = 500  # of about 100 KB


@dataclass(frozen=True)
class _Shared:
    page: PageAgain
    spares: tuple[Item, ...]
    places: Array  # of its recommendations in the catalog
    spare_places: Array
    validity: Validity
    is_meanwhile: bool  # from a lower rung

    def is_overtaken(self, request: Request) -> bool:
        """Whether the segment's list has been made since."""
        old_enough = request.now_us > self.validity.made_us + MEANWHILE_SECONDS * 1e6
        return self.is_meanwhile and old_enough and request.lists.segment(request) is not None


class SharedPages:
    """Thread-safe."""

    def __init__(self) -> None:
        self._kept: Recent[Hashable, _Shared] = Recent(KEPT)

    def page(self, serving: Serving, request: Request, make: Make) -> Page | None:
        """The segment's page as this viewer may see it; None where there is none that keeps the rules.

        `make`: makes the segment's page when there is none that is valid.
        """
        query = request.query
        if request.viewer.knowledge is not Knowledge.CURRENT or not can_be_shown_again(query):
            return None
        segment = segment_of(request)
        key = (serving.surface, segment.name, query.limit, query.rows)
        shared = self._kept.get(key)
        if shared is None or not shared.validity.holds(serving.release_id, request) or shared.is_overtaken(request):
            shared = _made(serving, request, segment, make)
            self._kept.put(key, shared)
        with request.trace.stage("present"):
            page = _for_viewer(shared, serving, request)
        metrics.SHARED_PAGES.labels("unfit" if page is None else "shown").inc()
        return page


def _made(serving: Serving, request: Request, segment: Segment, make: Make) -> _Shared:
    limit, started = request.query.limit, perf_counter()
    made, wider = make(segment, limit), make(segment, max(limit, min((1 + SPARES) * limit, MOST)))
    on_page = {item.video_id for row in made.rows for item in row.items}
    row_of, items = request.catalog.row_of, made.recommendations
    others = tuple(item for item in wider.recommendations if item.video_id not in on_page)
    both = row_of.many([item.video_id for item in (*items, *others)])
    first = set(serving.near_duplicates.first_of_each(request.catalog, both).tolist())
    spares = tuple(item for at, item in enumerate(others, len(items)) if at in first)
    meanwhile = min(max((perf_counter() - started) / MEANWHILE_SHARE, MEANWHILE_SECONDS), SECONDS)
    is_meanwhile = made.speed != SEGMENT
    metrics.SHARED_PAGES.labels("made").inc()
    places = both[: len(items)]
    certificate = _certificate(made.rows, items, places, serving, request)
    return _Shared(
        PageAgain.of(msgspec.structs.replace(made, certificate=certificate)),
        spares,
        places,
        row_of.many([item.video_id for item in spares]),
        Validity.of((*items, *spares), request, serving.release_id, meanwhile if is_meanwhile else SECONDS),
        is_meanwhile,
    )


def _for_viewer(shared: _Shared, serving: Serving, request: Request) -> Page | None:
    page, limit = shared.page, request.query.limit
    pipeline = serving.ladder.rung(page.served_by).pipeline
    allowed = all_of((*pipeline.safety, *pipeline.novelty), request)
    items, places = page.recommendations, shared.places
    if len(page.rows) != 1 or len(items) < limit:
        return None
    if not (kept := _kept(allowed, places)).all():
        spare = _kept(allowed, shared.spare_places)
        fresh_from = page.certificate["fresh_from"]
        filled = _filled(items, kept.tolist(), shared.spares, spare.tolist(), serving.policy.caps, fresh_from)
        if filled is None:
            return None
        items = filled
        places = request.catalog.row_of.many([item.video_id for item in items])
        rows = (msgspec.structs.replace(page.rows[0], items=items),)
        certificate = _certificate(rows, items, places, serving, request)
        if not set(certificate["relaxed"]) <= set(page.certificate["relaxed"]):
            return None
        page = page.with_others(rows, items, certificate)
    return msgspec.structs.replace(
        page,
        request_id=request.query.request_id,
        cursor=cursors.after(request, places, allowed, serving.near_duplicates),
        stage_ms=request.trace.stage_ms,
        warnings=tuple(request.trace.warnings),
        speed=SEGMENT,
        age_seconds=page.age_seconds + max(request.now_us - shared.validity.made_us, 0) / 1e6,
    )


def _certificate(
    rows: Sequence[Row], items: Sequence[Item], places: Array, serving: Serving, request: Request
) -> dict[str, Any]:
    look_twice = serving.near_duplicates.looks_twice(request.catalog, places)
    return certify(rows, items, request.query.limit, serving.policy, request.now_us, look_twice=look_twice)


def _kept(allowed: Allowed, places: Array) -> Array:
    return allowed[places] & (places >= 0)


def _filled(
    items: Sequence[Item],
    kept: Sequence[bool],
    spares: Sequence[Item],
    spare: Sequence[bool],
    caps: Caps,
    fresh_from: str,
) -> tuple[Item, ...] | None:
    """The items that are kept, at their places, and spares at the others; None if there are too few that fit."""
    left = [one for one, is_spare in zip(spares, spare, strict=True) if is_spare]
    channels = Counter(item.channel for item, is_kept in zip(items, kept, strict=True) if is_kept)
    in_top: Counter[str] = Counter()
    for item, is_kept in zip(items[: caps.top], kept, strict=False):
        in_top.update(set(item.genres) if is_kept else ())
    filled = list(items)
    for place in [place for place, is_kept in enumerate(kept) if not is_kept]:
        fitting = [
            at
            for at, one in enumerate(left)
            if (not one.channel or channels[one.channel] < caps.max_per_creator)
            and (place >= caps.top or all(in_top[genre] < caps.max_genre_in_top for genre in one.genres))
        ]
        if not fitting:
            return None
        gone = items[place]
        unlike = [(_unlike(left[at], gone, fresh_from), at) for at in fitting]
        one = left.pop(min(unlike)[1])
        channels[one.channel] += 1
        if place < caps.top:
            in_top.update(set(one.genres))
        filled[place] = msgspec.structs.replace(one, position=gone.position)
    return tuple(filled)


def _unlike(spare: Item, gone: Item, fresh_from: str) -> tuple[bool, bool]:
    """The smaller, the better it takes the other's place: a fresh one that of a fresh one, then the same category."""
    return spare.published_at < fresh_from <= gone.published_at, spare.category != gone.category
