"""Viewers who ask for pages and watch what they find there, so many a second, whatever the service takes for it.

Open loop: a request is sent when it is due. One that is late is sent at once, and the next is due as before.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bento_services.client import ONCE, Client, ClientError, Retries
from bento_services.feed.page import Item

CONNECTIONS = 5  # of each kind
WATCHED = (1.0, 0.6, 0.03, 0.9, 0.3)  # shares of a video, in turn


@dataclass
class Answers:
    pages: Counter[str] = field(default_factory=Counter)  # rung or error -> how many
    events: Counter[str] = field(default_factory=Counter)  # "accepted", error -> how many
    seconds: float = 0.0

    @property
    def errors(self) -> dict[str, int]:
        """All but the events that are to be sent again: a machine at its limits says so in time."""
        told = [
            *self.pages.items(),
            *((what, count) for what, count in self.events.items() if what != "503 unavailable"),
        ]
        return {what: count for what, count in told if what.startswith(("error", "4", "5"))}


@contextmanager
def steady_load(
    url: str, viewers: Sequence[str], pages_per_second: float, events_per_second: float
) -> Iterator[Answers]:
    """Runs beside the block; what was answered is complete when it ends."""
    answers, stopping = Answers(), threading.Event()
    shown: deque[tuple[str, str, Item]] = deque(maxlen=2_000)  # viewer, request, item
    turn = itertools.count()

    def page(client: Client) -> str:
        viewer = viewers[next(turn) % len(viewers)]
        found = client.home(viewer)
        shown.extend((viewer, found.request_id, item) for item in found.recommendations[:5])
        return found.served_by

    def event(client: Client) -> str:
        if not shown:
            return "nothing was shown yet"
        viewer, request, item = shown.popleft() if len(shown) > 500 else shown[next(turn) % len(shown)]
        seconds = (item.duration or 60.0) * WATCHED[next(turn) % len(WATCHED)]
        client.send(
            [
                {
                    "user_id": viewer,
                    "item_id": item.video_id,
                    "event": "watch" if next(turn) % 5 else "click",
                    "duration_sec": seconds,
                    "request_id": request,
                }
            ]
        )
        return "accepted"

    def work(ask: Callable[[Client], str], counts: Counter[str], per_second: float, retries: Retries) -> None:
        with Client(url, timeout_seconds=30.0, retries=retries) as client:
            due = time.monotonic()
            while not stopping.wait(max(due - time.monotonic(), 0.0)):
                due += CONNECTIONS / per_second
                try:
                    counts[ask(client)] += 1
                except ClientError as error:
                    counts[f"{error.status} {error.code}"] += 1

    threads = [
        threading.Thread(target=work, args=given)
        for given in [
            (page, answers.pages, pages_per_second, ONCE),  # a page that had to be asked for twice is an error here
            (event, answers.events, events_per_second, Retries()),
        ]
        * CONNECTIONS
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        answers.seconds = time.monotonic() - began
