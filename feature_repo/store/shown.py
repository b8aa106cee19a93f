"""How often videos have been shown, as it is counted live: of each that is new, and of all together.

An impression is an item of a served page, as in the lake's table of impressions. Videos are kept by the day of their
publication, so that the counts of those that are new no more expire by themselves. A record of the log is counted once:
its id is written with its counts, and ids are kept for longer than a record is delivered again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feature_repo.compute.fold import DAY_US
from feature_repo.registry import VIDEO_PROFILE
from feature_repo.store.connect import Client, answering
from feature_repo.store.layout import (
    COUNTED_PAGES,
    SHOWN,
    SHOWN_ON,
    decode,
    entity_key,
)
from feature_repo.store.layout import field as field_of

KEPT_DAYS = 30  # after its publication, a video's impressions are counted no more
TRAFFIC_DAYS = 7  # before today, of which the impressions of all videos are averaged
PAGES_KEPT = 20_000  # records of which is known that they were counted
DAY_SECONDS = 86_400
_PUBLISHED = "published_timestamp_us"


@dataclass(frozen=True)
class Shown:
    counts: Mapping[str, int] = field(default_factory=dict)  # new video -> impressions since its publication
    a_day: float = 0.0  # impressions of all videos, lately


NONE_SHOWN = Shown()


@dataclass(frozen=True)
class ShownPage:
    record: str  # its id in the log
    timestamp_us: int
    video_ids: Sequence[str]


def published_us(store: Client, video_ids: Sequence[str]) -> dict[str, int]:
    """When they were published; videos that the store does not know are left out."""
    name = field_of("video_profile", _PUBLISHED)
    with store.pipeline(transaction=False) as pipe:
        for video_id in video_ids:
            pipe.hget(entity_key("video_id", video_id), name)
        answers = pipe.execute()
    found = zip(video_ids, answers, strict=True)
    return {video_id: int(decode(VIDEO_PROFILE[_PUBLISHED], raw)) for video_id, raw in found if raw}


def count(store: Client, pages: Sequence[ShownPage], published: Mapping[str, int]) -> int:
    """Count the pages that have not been counted, all or none; how many they were. `published`: of known videos, 0: not
    known when, so that it is not new."""
    if not pages:
        return 0
    known = store.zmscore(COUNTED_PAGES, [page.record for page in pages])
    fresh = [page for page, at in zip(pages, known, strict=True) if at is None]
    of_video: Counter[tuple[int, str]] = Counter()
    on_day: Counter[int] = Counter()
    for page in fresh:
        on_day[page.timestamp_us // DAY_US] += len(page.video_ids)
        for video_id in page.video_ids:
            since_us = published.get(video_id)
            if since_us and page.timestamp_us < since_us + KEPT_DAYS * DAY_US:
                of_video[since_us // DAY_US, video_id] += 1
    if not fresh:
        return 0
    with store.pipeline(transaction=True) as write:
        for (day, video_id), times in of_video.items():
            write.hincrby(f"{SHOWN}{day}", video_id, times)
        for day in {day for day, _ in of_video}:
            write.expire(f"{SHOWN}{day}", (KEPT_DAYS + 2) * DAY_SECONDS)
        for day, times in on_day.items():
            write.incrby(f"{SHOWN_ON}{day}", times)
            write.expire(f"{SHOWN_ON}{day}", (TRAFFIC_DAYS + 2) * DAY_SECONDS)
        write.zadd(COUNTED_PAGES, dict.fromkeys((page.record for page in fresh), time.time()))
        write.zremrangebyrank(COUNTED_PAGES, 0, -PAGES_KEPT - 1)
        write.execute()
    return len(fresh)


def read_shown(store: Client, now_us: int) -> Shown:
    """Raises StoreDown. Of a day, the mean of those before today on which anything was shown, or today, if more."""
    today = now_us // DAY_US
    days = range(today - KEPT_DAYS, today + 1)
    with answering(), store.pipeline(transaction=False) as pipe:
        for day in days:
            pipe.hgetall(f"{SHOWN}{day}")
        pipe.mget([f"{SHOWN_ON}{today - before}" for before in range(TRAFFIC_DAYS + 1)])
        *of_days, totals = pipe.execute()
    counts = {video_id.decode(): int(times) for one in of_days for video_id, times in one.items()}
    so_far, *before = (int(total or 0) for total in totals)
    full = [total for total in before if total]
    return Shown(counts, max(so_far, sum(full) / len(full) if full else 0.0))
