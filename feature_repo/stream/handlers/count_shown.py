"""Counts impressions live: recommendation-served -> how often each new video has been shown (store/shown.py).

Each record is counted once, also where it is delivered again because the process was killed before it acknowledged it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from feature_repo.schema import RECOMMENDATION_SERVED
from feature_repo.store.connect import Client
from feature_repo.store.layout import COUNTER
from feature_repo.store.shown import ShownPage, count, published_us
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.handlers.protocol import Failure, Reading
from feature_repo.stream.handlers.storing import storing
from feature_repo.stream.log.protocol import Record
from feature_repo.stream.served import decode_served

GROUP = "impression-counter"
REMEMBERED = 200_000  # videos of which is remembered when they were published,
REMEMBERED_SECONDS = 600.0  # for so long: the catalog may change it


class CountShown:
    """The handler. What is not a served page is left out; the writer of the lake says so."""

    topics = (RECOMMENDATION_SERVED,)
    group = GROUP
    consumer = "counter-0"
    status_key = COUNTER

    def __init__(self, store: Client, config: StreamConfig = StreamConfig()) -> None:
        self.reading = Reading(batch=config.fold_batch, every_seconds=config.count_seconds)
        self._store = store
        self._published: dict[str, int] = {}
        self._since = time.monotonic()
        self.counts = {"pages": 0, "duplicates": 0}

    def handle(self, topic: str, records: Sequence[Record]) -> list[Failure]:
        pages: list[ShownPage] = []
        for record in records:
            try:
                page = decode_served(record.value)
            except msgspec.MsgspecError:
                continue
            pages.append(ShownPage(record.id, page.timestamp_us, [item.video_id for item in page.items]))
        with storing():
            counted = count(self._store, pages, self._when_published(pages))
        self.counts["pages"] += counted
        self.counts["duplicates"] += len(pages) - counted
        return []

    def _when_published(self, pages: Sequence[ShownPage]) -> dict[str, int]:
        if len(self._published) > REMEMBERED or time.monotonic() - self._since > REMEMBERED_SECONDS:
            self._published.clear()
            self._since = time.monotonic()
        wanted = {video_id for page in pages for video_id in page.video_ids} - self._published.keys()
        if wanted:
            self._published.update(published_us(self._store, sorted(wanted)))
        return self._published
