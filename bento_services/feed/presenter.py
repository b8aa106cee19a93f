"""Rows of candidates -> rows of the page: their order, metadata, reasons and traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bento_services.feed.candidates import Candidates
from bento_services.feed.page import Item, Row
from bento_services.feed.pipeline import FilledRow
from bento_services.feed.reasons import Reason, Shown, reason
from bento_services.feed.scorers import served_columns
from bento_services.feed.stages import Request, title_of
from feature_repo.compute.columns import repeated
from models.candidates.columns import ANCHOR, BOOST, SCORE, TWO_TOWER_SCORE
from models.page.filters import AVAILABLE
from models.ranking.ranker import HEADS

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
        provenance = row.candidates.provenance()
        items = tuple(
            _item(row, at, position + at, request, provenance[at], features, reasons) for at in range(len(provenance))
        )
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


def _item(
    row: FilledRow,
    at: int,
    position: int,
    request: Request,
    provenance: dict[str, float],
    features: Sequence[dict[str, Any]],
    reasons: tuple[Reason, ...],
) -> Item:
    candidates, columns = row.candidates, request.catalog.columns
    video = int(candidates.rows[at])
    score = float(candidates[SCORE][at])
    propensity = 1.0 if row.chosen.propensity is None else float(row.chosen.propensity[at])
    trace: dict[str, Any] | None = None
    if request.query.explain:
        scores = {name: float(candidates[name][at]) for name in _SCORES if name in candidates}
        trace = {"sources": provenance, "scores": {**scores, "score": score}, "propensity": propensity}
        trace["features"] = features[at]
    return Item(
        video_id=str(request.catalog.video_ids[video]),
        title=title_of(request.catalog, video),
        channel=str(columns["creator_name"][video] or columns["creator_id"][video]),
        thumbnail="",
        duration=float(columns["duration_seconds"][video]),
        view_count=int(columns["video_watch_count"][video]),
        published_at=_date(int(columns["published_timestamp_us"][video])),
        score=score,
        reason=reason(Shown(request, row.chosen.row_id, video, provenance, _anchor(request, candidates, at)), reasons),
        source=row.chosen.row_id if row.chosen.row_id in provenance else next(iter(provenance)),
        sources=tuple(provenance),
        position=position,
        row_id=row.chosen.row_id,
        propensity=propensity,
        genres=tuple(columns["genre_names"][video]),
        trace=trace,
    )


def _anchor(request: Request, candidates: Candidates, at: int) -> int:
    anchor = int(candidates[ANCHOR][at]) if ANCHOR in candidates else -1
    return anchor if anchor >= 0 and AVAILABLE.of(request, anchor) else -1


def _date(timestamp_us: int) -> str:
    """The date in UTC, which may be before 1970; "" for 0, unknown."""
    return (EPOCH + timedelta(microseconds=timestamp_us)).date().isoformat() if timestamp_us else ""
