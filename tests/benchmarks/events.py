"""How soon a page shows what a viewer has just watched, alone and beside the events of others."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

HOME_PATH = "/api/v1/recommendations/home?limit=20"
GIVE_UP_SECONDS = 10.0
REQUESTS_A_SECOND = 10  # of the events beside: a thread that sends batches takes little of the measuring process


@dataclass
class Accepted:
    count: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.count / self.seconds if self.seconds else 0.0


@contextmanager
def beside(url: str, users: Sequence[str], per_second: int) -> Iterator[Accepted]:
    """Send clicks of these viewers at a rate during the block; the result counts those that were accepted."""
    accepted, stopping = Accepted(), threading.Event()
    batch = per_second // REQUESTS_A_SECOND
    viewers = itertools.cycle(users)

    def send() -> None:
        started = time.perf_counter()
        with httpx.Client(base_url=url, timeout=GIVE_UP_SECONDS) as client:
            videos = itertools.cycle(_videos(client.get(HOME_PATH).json()))
            for turn in itertools.count(1):
                events = [{"user_id": next(viewers), "item_id": next(videos), "event": "click"} for _ in range(batch)]
                accepted.count += batch * client.post("/api/v1/events", json=events).is_success
                accepted.seconds = time.perf_counter() - started
                if stopping.wait(max(turn / REQUESTS_A_SECOND - accepted.seconds, 0.0)):
                    return

    thread = threading.Thread(target=send)
    if batch:  # else the measured viewer's own events are as many
        thread.start()
    try:
        yield accepted
    finally:
        stopping.set()
        if batch:
            thread.join()


def event_to_page(url: str, users: Sequence[str], events: int) -> list[float]:
    """Milliseconds from sending a watch to the end of the first answer whose Continue Watching row holds it.

    Half of a video is watched: it stands in Continue Watching if and only if the event went through the log, the fold
    and the online store, whatever exploration and re-ranking do to the rest of the page.
    """
    waits = []
    with httpx.Client(base_url=url, timeout=10.0) as client:

        def page(user_id: str) -> dict[str, Any]:
            answer = client.get(HOME_PATH, headers={"X-User-Id": user_id})
            answer.raise_for_status()
            return answer.json()  # type: ignore[no-any-return]

        for at in range(events):
            user_id = users[at % len(users)]
            before = page(user_id)
            shown = [item for row in before["rows"] if not _continues(row) for item in row["items"]]
            video = next(item for item in shown if item["duration"] > 0)
            event = {
                "user_id": user_id,
                "item_id": video["video_id"],
                "event": "watch",
                "duration_sec": video["duration"] * 0.5,
            }
            started = time.perf_counter()
            client.post("/api/v1/events", json=event).raise_for_status()
            while not any(
                item["video_id"] == video["video_id"]
                for row in page(user_id)["rows"]
                if _continues(row)
                for item in row["items"]
            ):
                if time.perf_counter() - started > GIVE_UP_SECONDS:
                    break
                time.sleep(0.002)
            waits.append((time.perf_counter() - started) * 1e3)
    return waits


def _videos(page: dict[str, Any]) -> list[str]:
    return [item["video_id"] for row in page["rows"] for item in row["items"]]


def _continues(row: dict[str, Any]) -> bool:
    return str(row["row_id"]).startswith("continue")
