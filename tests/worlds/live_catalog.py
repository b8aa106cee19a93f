"""Videos put into the catalog of a home that is served, over HTTP, and where a video stands on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bento_services.client import Client
from feature_repo.core.home import World


class LiveCatalog:
    """Changes the catalog of a service; the processor's relay publishes what it commits."""

    def __init__(self, client: Client, world: World) -> None:
        self._client = client
        self._genre = world.genres[0]

    def put(self, video_id: str, **video: Any) -> None:
        whole = {"title": video_id, "duration_seconds": 600.0, "genres": [self._genre], **video}
        self._client.put_video(video_id, whole)

    def take_down(self, video_id: str) -> None:
        self._client.take_down(video_id, why="tests")

    def restore(self, video_id: str) -> None:
        self._client.restore(video_id)


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
