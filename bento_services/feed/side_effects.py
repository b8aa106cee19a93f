"""After the response, off the request path: logs the served page with all features that the models read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import structlog

from bento_services import metrics
from bento_services.feed.page import Page
from bento_services.feed.scorers import served_columns
from bento_services.feed.stages import Request
from feature_repo.compute.columns import values
from feature_repo.schema import RECOMMENDATION_SERVED
from feature_repo.stream.log.protocol import EventLog, EventLogDown
from feature_repo.stream.served import ServedItem, ServedPage
from models.catalog import rows_of

report = structlog.get_logger("served pages")


class LoggedItem(ServedItem, frozen=True, kw_only=True):
    row_id: str
    score: float
    source: str


class LoggedPage(ServedPage, frozen=True, kw_only=True):
    """`features`: rank column -> one value per item, or a single value that all items share."""

    items: Sequence[LoggedItem]
    release_id: str
    served_by: str
    viewer_as_of_us: int
    features: dict[str, Any]


_encode = msgspec.json.Encoder().encode


class ServedLog:
    """A bounded queue and one thread. If the log is down or slow, pages are dropped from it and counted."""

    def __init__(self, log: EventLog, queue_pages: int) -> None:
        self.dropped = 0
        self._log = log
        self._waiting: queue.Queue[tuple[Page, Request, Mapping[str, float]] | None] = queue.Queue(queue_pages)
        self._thread = threading.Thread(target=self._run, name="served-log", daemon=True)
        self._thread.start()

    def put(self, page: Page, request: Request, two_tower_scores: Mapping[str, float]) -> None:
        """`two_tower_scores`: of the page's videos; empty on rungs without them."""
        try:
            self._waiting.put_nowait((page, request, two_tower_scores))
        except queue.Full:
            self._drop()

    def close(self) -> None:
        """Append the queued pages, then stop."""
        self._waiting.put(None)
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while (served := self._waiting.get()) is not None:
            page, request, _ = served
            key = request.query.viewer_id or page.request_id
            try:
                self._log.append(RECOMMENDATION_SERVED, [(key, encode_page(*served))], durable=False)
            except EventLogDown as error:
                self._drop()
                report.warning("page not logged", request_id=page.request_id, error=str(error))
            except Exception as error:  # concerns this page only: later ones are still logged
                self._drop()
                report.error("page not logged", request_id=page.request_id, error=repr(error), exc_info=error)

    def _drop(self) -> None:
        self.dropped += 1
        metrics.PAGES_UNLOGGED.inc()


def encode_page(page: Page, request: Request, two_tower_scores: Mapping[str, float]) -> bytes:
    """The record of a served page: feature_repo.stream.served.ServedPage, with the features and scores behind it."""
    items = [item for row in page.rows for item in row.items]
    logged = LoggedPage(
        request_id=page.request_id,
        user_id=request.query.viewer_id,
        timestamp_us=request.now_us,
        items=[
            LoggedItem(
                video_id=item.video_id,
                position=item.position,
                propensity=item.propensity,
                row_id=item.row_id,
                score=item.score,
                source=item.source,
            )
            for item in items
        ],
        surface=request.query.surface,
        device=request.query.device,
        utc_offset_minutes=request.query.utc_offset_minutes,
        release_id=page.release_id,
        served_by=page.served_by,
        viewer_as_of_us=request.viewer.features.as_of_us,
        features=_features([item.video_id for item in items], request, two_tower_scores),
    )
    return _encode(logged)


def _features(video_ids: Sequence[str], request: Request, two_tower_scores: Mapping[str, float]) -> dict[str, Any]:
    if not video_ids or not two_tower_scores:
        return {}
    scores = np.array([two_tower_scores[video_id] for video_id in video_ids], dtype=np.float32)
    columns = served_columns(request, rows_of(request.catalog, video_ids), scores)
    return {name: values(column).tolist() for name, column in columns.items()}
