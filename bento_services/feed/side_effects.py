"""After the response, off the request path: logs the served page with all features that the models read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
    """`features`: rank column -> one value per item, or a single value that all items share; as of `features_us`, which
    is earlier than `timestamp_us` for a page that was shown again. Its features are in the record of `features_of`, the
    request that it was made for: they are four fifths of a record."""

    items: Sequence[LoggedItem]
    release_id: str
    served_by: str
    viewer_as_of_us: int
    features_us: int
    features: Mapping[str, Any]
    features_of: str = ""


MOST_AT_ONCE = 32  # pages in one call of the log

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Behind:
    """What a page was made of."""

    two_tower_scores: Mapping[str, float]  # of its videos; empty on rungs without them
    made_us: int
    features_of: str = ""  # the request whose record has the features of a page that is shown again

    def again(self, request_id: str) -> Behind:
        """Of the same page when it is shown again. `request_id`: that it was made for."""
        return Behind({}, self.made_us, request_id)


_Served = tuple[Page, Request, Behind]


class ServedLog:
    """A bounded queue and one thread. If the log is down or slow, pages are dropped from it and counted."""

    def __init__(self, log: EventLog, queue_pages: int) -> None:
        self.dropped = 0
        self._log = log
        self._waiting: queue.Queue[_Served | None] = queue.Queue(queue_pages)
        self._thread = threading.Thread(target=self._run, name="served-log", daemon=True)
        self._thread.start()

    def put(self, page: Page, request: Request, behind: Behind) -> None:
        try:
            self._waiting.put_nowait((page, request, behind))
        except queue.Full:
            self._drop()

    def close(self) -> None:
        """Append the queued pages, then stop."""
        self._waiting.put(None)
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            served, more = self._and_those_behind(first)
            self._append([record for one in served if (record := self._record(*one)) is not None])
            if not more:
                return

    def _and_those_behind(self, first: _Served) -> tuple[list[_Served], bool]:
        """`first` and what waits behind it, for one call of the log; and whether there will be more."""
        served = [first]
        with suppress(queue.Empty):
            while len(served) < MOST_AT_ONCE:
                if (one := self._waiting.get_nowait()) is None:
                    return served, False
                served.append(one)
        return served, True

    def _record(self, page: Page, request: Request, behind: Behind) -> tuple[str, bytes] | None:
        """Its key and value; None if it cannot be encoded, which concerns this page only."""
        try:
            return request.query.viewer_id or page.request_id, encode_page(page, request, behind)
        except Exception as error:
            self._drop()
            report.error("page not logged", request_id=page.request_id, error=repr(error), exc_info=error)
            return None

    def _append(self, records: Sequence[tuple[str, bytes]]) -> None:
        try:
            self._log.append(RECOMMENDATION_SERVED, records, durable=False)
        except EventLogDown as error:
            self._drop(len(records))
            report.warning("pages not logged", pages=len(records), error=str(error))
        except Exception as error:  # concerns these pages only: later ones are still logged
            self._drop(len(records))
            report.error("pages not logged", pages=len(records), error=repr(error), exc_info=error)

    def _drop(self, pages: int = 1) -> None:
        self.dropped += pages
        metrics.PAGES_UNLOGGED.inc(pages)


def encode_page(page: Page, request: Request, behind: Behind) -> bytes:
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
        features_us=behind.made_us,
        features=_features([item.video_id for item in items], request, behind.two_tower_scores),
        features_of=behind.features_of,
    )
    return _encode(logged)


def _features(video_ids: Sequence[str], request: Request, two_tower_scores: Mapping[str, float]) -> dict[str, Any]:
    if not video_ids or not two_tower_scores:
        return {}
    scores = np.array([two_tower_scores[video_id] for video_id in video_ids], dtype=np.float32)
    columns = served_columns(request, rows_of(request.catalog, video_ids), scores)
    return {name: values(column).tolist() for name, column in columns.items()}
