"""Changes of the catalog as its outbox writes them to the log, and where a video stands on a page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self

from feature_repo.catalog.change import Action, VideoChange, encode_change
from feature_repo.core.home import Home
from feature_repo.schema import VIDEO_PUBLISHED
from feature_repo.store.valkey_server import running_url
from feature_repo.stream.log.open import home_log_config, open_home_log


class VideoLog:
    """Writes to the log of a home that is served."""

    def __init__(self, home: Home) -> None:
        url = running_url(home)
        assert url is not None, f"{home.root} is not served"
        self._world = home.world()
        self._log = open_home_log(home, url, home_log_config(home))
        self._versions: Counter[str] = Counter()
        self._rows: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def put(self, video_id: str, **video: Any) -> None:
        now_us = self._world.now_us()
        row = {"video_id": video_id, "title": video_id, "duration_seconds": 600.0, "genres": [self._world.genres[0]]}
        self._rows[video_id] = {**row, "published_timestamp_us": now_us - 1, **video}
        self._say(video_id, "put")

    def take_down(self, video_id: str) -> None:
        self._rows[video_id] = {**self._rows[video_id], "taken_down_us": time.time_ns() // 1000}
        self._say(video_id, "take_down")

    def restore(self, video_id: str) -> None:
        self._rows[video_id] = {**self._rows[video_id], "taken_down_us": 0}
        self._say(video_id, "restore")

    def _say(self, video_id: str, action: Action) -> None:
        self._versions[video_id] += 1
        number, at_us = self._versions.total(), time.time_ns() // 1000
        change = VideoChange(number, video_id, self._versions[video_id], action, at_us, "tests", self._rows[video_id])
        self._log.append(VIDEO_PUBLISHED, [(video_id, encode_change(change))])


def places(page: Mapping[str, Any], video_id: str) -> set[str]:
    """The rows that show this video, and the sources that found it (of a page with explanations)."""
    found: set[str] = set()
    for row in page["rows"]:
        for item in row["items"]:
            if item["video_id"] == video_id:
                found |= {row["row_id"], *item["trace"]["sources"]}
    return found


def shown(page: Mapping[str, Any], video_ids: Iterable[str]) -> dict[str, str]:
    """Those of these videos that are on the page, with their titles."""
    wanted = set(video_ids)
    return {
        item["video_id"]: item["title"] for row in page["rows"] for item in row["items"] if item["video_id"] in wanted
    }
