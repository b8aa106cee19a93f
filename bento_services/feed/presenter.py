"""Rows of candidates -> the page as it is shown: order of rows, metadata, reasons, traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bento_services.feed import sources
from bento_services.feed.candidates import Candidates
from bento_services.feed.page import Item, Row
from bento_services.feed.pipeline import FilledRow, Request
from bento_services.feed.scorers import served_columns
from bento_services.feed.selectors import BECAUSE
from feature_repo.compute.columns import repeated
from models.ranking.ranker import HEADS

FOLLOWED_WEIGHT = 2.0  # of a creator, in decayed watches and likes
JUDGED_BY = 5  # the first videos of a row decide how high it stands
_SCORES = (*HEADS, "two_tower_score", "boost")


def present(filled: Sequence[FilledRow], request: Request) -> tuple[Row, ...]:
    """Fixed rows as they come, then the others, the one with the best videos for this viewer first."""
    shown = [row for row in filled if len(row.candidates)]
    fixed = [row for row in shown if row.chosen.fixed]
    personal = sorted((row for row in shown if not row.chosen.fixed), key=_promise, reverse=True)
    rows: list[Row] = []
    position = 0
    for row in fixed + personal:
        features = _features(row, request) if request.query.explain else []
        provenance = row.candidates.provenance()
        items = tuple(_item(row, at, position + at, request, provenance[at], features) for at in range(len(provenance)))
        rows.append(Row(row.chosen.row_id, row.chosen.title, row.chosen.reason, items))
        position += len(items)
    return tuple(rows)


def _promise(row: FilledRow) -> float:
    return float(row.candidates["score"][:JUDGED_BY].mean())


def _features(row: FilledRow, request: Request) -> list[dict[str, Any]]:
    """What the ranker saw of each video of a row; nothing on rungs without a two-tower score."""
    candidates = row.candidates
    if "two_tower_score" not in candidates:
        return [{}] * len(candidates)
    columns = repeated(served_columns(request, candidates.rows, candidates["two_tower_score"]))
    return [
        {name: column[at] if isinstance(column[at], str) else column[at].tolist() for name, column in columns.items()}
        for at in range(len(candidates))
    ]


def _item(
    row: FilledRow,
    at: int,
    position: int,
    request: Request,
    provenance: dict[str, float],
    features: Sequence[dict[str, Any]],
) -> Item:
    candidates, columns = row.candidates, request.catalog.columns
    video = int(candidates.rows[at])
    score = float(candidates["score"][at])
    propensity = 1.0 if row.chosen.propensity is None else float(row.chosen.propensity[at])
    trace: dict[str, Any] | None = None
    if request.query.explain:
        scores = {name: float(candidates[name][at]) for name in _SCORES if name in candidates}
        trace = {"sources": provenance, "scores": {**scores, "score": score}, "propensity": propensity}
        trace["features"] = features[at]
    return Item(
        video_id=str(request.catalog.video_ids[video]),
        title=str(columns["title"][video]),
        channel=str(columns["creator_name"][video] or columns["creator_id"][video]),
        thumbnail="",
        duration=float(columns["duration_seconds"][video]),
        view_count=int(columns["video_watch_count"][video]),
        published_at=_date(int(columns["published_timestamp_us"][video])),
        score=score,
        reason=_reason(row, at, video, provenance, request),
        source=row.chosen.row_id if row.chosen.row_id in provenance else next(iter(provenance)),
        sources=tuple(provenance),
        position=position,
        row_id=row.chosen.row_id,
        propensity=propensity,
        genres=tuple(columns["genre_names"][video]),
        trace=trace,
    )


def _reason(row: FilledRow, at: int, video: int, provenance: dict[str, float], request: Request) -> str:
    """The most telling thing that is true of this video for this viewer."""
    columns = request.catalog.columns
    row_id = row.chosen.row_id
    if row_id == sources.RESUME:
        return f"{round(100 * provenance[sources.RESUME])} % watched"
    if row_id == sources.EXPLORE:
        return "Something different"
    anchor = _anchor(row.candidates, at)
    if row_id.startswith(BECAUSE):
        return f"Because you watched “{columns['title'][anchor]}”"
    if sources.SERIES in provenance and anchor >= 0 and columns["series_id"][anchor] == columns["series_id"][video]:
        return f"Next in series after “{columns['title'][anchor]}”"
    if row_id == sources.AREA:
        return "Popular near you"
    if row_id == sources.TRENDING:
        return "Trending this week"
    if _is_followed(str(columns["creator_id"][video]), request):
        creator = columns["creator_name"][video] or columns["creator_id"][video]
        return f"New from {creator}" if row_id == sources.FRESH else f"More from {creator}"
    if row_id == sources.FRESH:
        return "New release"
    if anchor >= 0:
        return f"Because you watched “{columns['title'][anchor]}”"
    if (genre := _liked_genre(video, request)) is not None:
        return f"Because you like {genre}"
    if list(provenance) == [sources.EXPLORE]:
        return "Something different"
    for source, reason in _WITHOUT_TASTE:
        if source in provenance:
            return reason
    return "Picked for you"


_WITHOUT_TASTE = (
    (sources.TRENDING, "Trending this week"),
    (sources.FRESH, "New release"),
    (sources.AREA, "Popular near you"),
    (sources.POPULAR, "Popular now"),
)


def _anchor(candidates: Candidates, at: int) -> int:
    return int(candidates["anchor"][at]) if "anchor" in candidates else -1


def _is_followed(creator_id: str, request: Request) -> bool:
    values = request.viewer.features.values
    weights = dict(zip(values["creator_ids"], values["creator_weights"], strict=True))
    return bool(creator_id) and weights.get(creator_id, 0.0) > FOLLOWED_WEIGHT


def _liked_genre(video: int, request: Request) -> str | None:
    """The viewer's favourite among the video's genres, when it is one of his favourites."""
    affinity = np.asarray(request.viewer.features.values["genre_affinity"])
    weights = affinity * request.catalog.columns["genres"][video]
    best = int(weights.argmax())
    if weights[best] <= 0 or weights[best] < 0.5 * affinity.max():
        return None
    return request.world.genres[best]


def _date(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).date().isoformat() if timestamp_us > 0 else ""
