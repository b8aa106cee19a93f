"""Rows of candidates -> rows of the page: their order, metadata, reasons and traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import numpy as np

from bento_services.feed.page import Item, Row
from bento_services.feed.pipeline import FilledRow
from bento_services.feed.reasons import Reason, Shown, reason
from bento_services.feed.scorers import served_columns
from bento_services.feed.stages import UNTITLED, Request, main_category
from feature_repo.compute.columns import repeated
from models.candidates.columns import ANCHOR, BOOST, SCORE, TWO_TOWER_SCORE
from models.page.filters import AVAILABLE
from models.ranking.ranker import HEADS

Array = np.ndarray[Any, Any]

ROW_SCORE_VIDEOS = 5  # a row is placed by the mean score of its first videos
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCORES = (*HEADS, TWO_TOWER_SCORE, BOOST)


def present(filled: Sequence[FilledRow], request: Request, reasons: tuple[Reason, ...]) -> tuple[Row, ...]:
    """Fixed rows in the given order, then the others by the mean score of their first videos, best first."""
    shown = [row for row in filled if len(row.candidates)]
    fixed = [row for row in shown if row.chosen.fixed]
    personal = sorted((row for row in shown if not row.chosen.fixed), key=_row_score, reverse=True)
    rows: list[Row] = []
    position = 0
    for row in fixed + personal:
        features = _features(row, request) if request.query.explain else []
        items = _items(row, position, request, features, reasons)
        rows.append(Row(row.chosen.row_id, row.chosen.title, row.chosen.reason, items))
        position += len(items)
    return tuple(rows)


def _row_score(row: FilledRow) -> float:
    return float(row.candidates[SCORE][:ROW_SCORE_VIDEOS].mean())


def _features(row: FilledRow, request: Request) -> list[dict[str, Any]]:
    """The ranker's features of each video of a row; empty on rungs without a two-tower score."""
    candidates = row.candidates
    if TWO_TOWER_SCORE not in candidates:
        return [{}] * len(candidates)
    columns = repeated(served_columns(request, candidates.rows, candidates[TWO_TOWER_SCORE]))
    return [
        {name: column[at] if isinstance(column[at], str) else column[at].tolist() for name, column in columns.items()}
        for at in range(len(candidates))
    ]


def _items(
    row: FilledRow,
    position: int,
    request: Request,
    features: Sequence[dict[str, Any]],
    reasons: tuple[Reason, ...],
) -> tuple[Item, ...]:
    """The row's items; `position` is that of the first one on the page."""
    candidates, chosen = row.candidates, row.chosen
    n, columns, rows = len(candidates), request.catalog.columns, candidates.rows
    propensities = [1.0] * n if chosen.propensity is None else chosen.propensity.tolist()
    anchors = _named(request, candidates[ANCHOR]).tolist() if ANCHOR in candidates else [-1] * n
    found_by, scores = candidates.provenance(), candidates[SCORE].tolist()
    durations, views, published, titles, names, ids, genres, pictures, categories, videos = (
        column[rows].tolist()
        for column in (
            columns["duration_seconds"],
            columns["video_watch_count"],
            columns["published_timestamp_us"],
            columns["title"],
            columns["creator_name"],
            columns["creator_id"],
            columns["genre_names"],
            columns["thumbnail"],
            columns["category"],
            request.catalog.video_ids,
        )
    )
    return tuple(
        Item(
            video_id=videos[at],
            title=titles[at].strip() or UNTITLED,
            channel=names[at] or ids[at],
            thumbnail=pictures[at] or f"/thumbnails/{quote(videos[at], safe='')}.svg",
            duration=durations[at],
            view_count=int(views[at]),
            published_at=_date(published[at]),
            score=scores[at],
            reason=reason(Shown(request, chosen.row_id, video, found_by[at], anchors[at]), reasons),
            source=chosen.row_id if chosen.row_id in found_by[at] else next(iter(found_by[at])),
            sources=tuple(found_by[at]),
            position=position + at,
            row_id=chosen.row_id,
            propensity=propensities[at],
            genres=tuple(genres[at]),
            trace=_trace(row, at, found_by[at], features[at]) if request.query.explain else None,
            category=main_category(categories[at], genres[at]),
        )
        for at, video in enumerate(rows.tolist())
    )


def _trace(row: FilledRow, at: int, provenance: dict[str, float], features: dict[str, Any]) -> dict[str, Any]:
    candidates = row.candidates
    scores = {name: float(candidates[name][at]) for name in _SCORES if name in candidates}
    propensity = 1.0 if row.chosen.propensity is None else float(row.chosen.propensity[at])
    return {
        "sources": provenance,
        "scores": {**scores, "score": float(candidates[SCORE][at])},
        "propensity": propensity,
        "features": features,
    }


def _named(request: Request, anchor_N: Array) -> Array:
    """Watched videos, -1 instead of those that may not be named."""
    return np.where((anchor_N >= 0) & AVAILABLE.of(request, anchor_N), anchor_N, -1)


@lru_cache(maxsize=100_000)
def _date(timestamp_us: int) -> str:
    """The date in UTC, which may be before 1970; "" for 0, unknown."""
    return (EPOCH + timedelta(microseconds=timestamp_us)).date().isoformat() if timestamp_us else ""
