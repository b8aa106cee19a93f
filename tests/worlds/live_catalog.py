"""Videos put into the catalog of a home that is served, and where a video stands on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from feature_repo.core.home import Home
from feature_repo.lake.projection import home_catalog


class LiveCatalog:
    """Changes a home's catalog as the verbs and routes do; the processor's relay publishes what it commits."""

    def __init__(self, home: Home) -> None:
        self._world = home.world()
        self._catalog = home_catalog(home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._catalog.close()

    def put(self, video_id: str, **video: Any) -> None:
        row = {"video_id": video_id, "title": video_id, "duration_seconds": 600.0, "genres": [self._world.genres[0]]}
        self._catalog.put({**row, "published_timestamp_us": self._world.now_us() - 1, **video}, "tests")

    def take_down(self, video_id: str) -> None:
        self._catalog.take_down(video_id, "tests")

    def restore(self, video_id: str) -> None:
        self._catalog.restore(video_id, "tests")


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
