"""The publisher: video-published -> the online store, so that a video is on pages seconds after it was put.

The outbox delivers a change at least once; a change that is not newer than what the store holds changes nothing. The
record says what the whole video is after the change, so only the newest record of each video counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from feature_repo.catalog.change import VideoChange, decode_change
from feature_repo.schema import VIDEO_PUBLISHED
from feature_repo.store.connect import Client
from feature_repo.store.layout import PUBLISHER
from feature_repo.store.published import Publication, publish
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.handlers.protocol import Failure, Reading
from feature_repo.stream.handlers.storing import storing
from feature_repo.stream.log.protocol import Record

GROUP = "video-publisher"
DOWN = ("take_down", "expire")


class PublishVideos:
    """The handler. In `counts`, stale are records older than what the store held, or than another of their batch."""

    topics = (VIDEO_PUBLISHED,)
    group = GROUP
    consumer = "publisher-0"
    status_key = PUBLISHER

    def __init__(self, store: Client, config: StreamConfig = StreamConfig()) -> None:
        self.reading = Reading(batch=config.publish_batch, block_ms=config.publish_block_ms)
        self._store = store
        self.counts = {"published": 0, "stale": 0}

    def handle(self, topic: str, records: Sequence[Record]) -> list[Failure]:
        publications: list[Publication] = []
        failures: list[Failure] = []
        for record in records:
            try:
                change = decode_change(record.value)
                if change.video_id:  # "": a whole catalog was ingested, which `marquee features` publishes
                    publications.append(publication_of(change))
            except (msgspec.MsgspecError, RecursionError) as error:
                failures.append(Failure(record, f"not a change of the catalog: {error}"))
        with storing():
            written = publish(self._store, publications)
        self.counts["published"] += written
        self.counts["stale"] += len(publications) - written
        return failures


def publication_of(change: VideoChange) -> Publication:
    video = change.video or {}
    return Publication(
        video_id=change.video_id,
        version=change.version,
        at_us=change.at_us,
        is_down=change.action in DOWN or bool(video.get("taken_down_us")),
        profile={name: value for name, value in video.items() if value is not None},
    )
