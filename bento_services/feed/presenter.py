"""Rows of candidates -> rows of the page: their order, metadata, reasons and traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from bento_services.feed.page import UNTITLED, Item, Row
from bento_services.feed.pipeline import FilledRow
from bento_services.feed.reasons import Reason, Shown, reason
from bento_services.feed.scorers import served_columns
from bento_services.feed.stages import Request, main_category
from feature_repo.compute.columns import repeated
from models.candidates.columns import ANCHOR, BOOST, SCORE, TWO_TOWER_SCORE
from models.page.filters import AVAILABLE
from models.ranking.ranker import HEADS

Array = np.ndarray[Any, Any]

ROW_SCORE_VIDEOS = 5  # a row is placed by the mean score of its first videos
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCORES = (*HEADS, TWO_TOWER_SCORE, BOOST)


class _Said(NamedTuple):
    """What the catalog says of a video; but for its id, named like the columns."""

    video_id: str
    title: str
    creator_name: str
    creator_id: str
    genre_names: Sequence[str]
    thumbnail: str
    category: str
    duration_seconds: float
    video_watch_count: float
    published_timestamp_us: int
    series_id: str
    episode: int


def present(filled: Sequence[FilledRow], request: Request, reasons: tuple[Reason, ...]) -> tuple[Row, ...]:
    """Fixed rows in the given order, then the others by the mean score of their first videos, best first."""
    shown = [row for row in filled if len(row.candidates)]
    fixed = [row for row in shown if row.chosen.fixed]
    personal = sorted((row for row in shown if not row.chosen.fixed), key=_row_score, reverse=True)
    rows: list[Row] = []
    position = 0
    said = _said(request, fixed + personal)
    for row in fixed + personal:
        features = _features(row, request) if request.query.explain else []
        items = _items(row, position, said, request, features, reasons)
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
    said: Sequence[_Said],
    request: Request,
    features: Sequence[dict[str, Any]],
    reasons: tuple[Reason, ...],
) -> tuple[Item, ...]:
    """The row's items; `position` is that of the first one on the page."""
    candidates, chosen = row.candidates, row.chosen
    n, rows = len(candidates), candidates.rows
    propensities = [1.0] * n if chosen.propensity is None else chosen.propensity.tolist()
    anchors = _named(request, candidates[ANCHOR]).tolist() if ANCHOR in candidates else [-1] * n
    found_by, scores = candidates.provenance(), candidates[SCORE].tolist()
    return tuple(
        Item(
            video_id=one.video_id,
            title=one.title.strip() or UNTITLED,
            channel=one.creator_name or one.creator_id,
            thumbnail=one.thumbnail or f"/thumbnails/{quote(one.video_id, safe='')}.svg",
            duration=one.duration_seconds,
            view_count=int(one.video_watch_count),
            published_at=_date(one.published_timestamp_us),
            score=scores[at],
            reason=reason(Shown(request, chosen.row_id, video, found_by[at], anchors[at]), reasons),
            source=chosen.row_id if chosen.row_id in found_by[at] else next(iter(found_by[at])),
            sources=tuple(found_by[at]),
            position=position + at,
            row_id=chosen.row_id,
            propensity=propensities[at],
            genres=tuple(one.genre_names),
            trace=_trace(row, at, found_by[at], features[at]) if request.query.explain else None,
            category=main_category(one.category, one.genre_names),
            series_id=one.series_id,
            episode=one.episode,
        )
        for at, (video, one) in enumerate(zip(rows.tolist(), said[position : position + n], strict=True))
    )


def _said(request: Request, rows: Sequence[FilledRow]) -> list[_Said]:
    """What the catalog says of each video of the page; each of its columns is read once."""
    if not rows:
        return []
    shown, columns = np.concatenate([row.candidates.rows for row in rows]), request.catalog.columns
    texts = (columns[name][shown].tolist() for name in _Said._fields[1:])
    return list(map(_Said, request.catalog.video_ids[shown].tolist(), *texts))


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
