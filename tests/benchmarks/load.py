"""A load generator that costs little: keep-alive connections in threads, latencies in milliseconds."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

Request = tuple[str, dict[str, str]]  # path with its query, headers


@dataclass
class Load:
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != "200")

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds


def load(url: str, requests: Sequence[Request], connections: int) -> Load:
    """Send all requests over so many connections, each sending its next when the last was answered."""
    parts = urlsplit(url)
    found, lock, queue = Load(), threading.Lock(), iter(requests)

    def work() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)
        taken: list[float] = []
        statuses: Counter[str] = Counter()
        while True:
            with lock:
                request = next(queue, None)
            if request is None:
                break
            started = perf_counter()
            try:
                connection.request("GET", request[0], headers=request[1])
                response = connection.getresponse()
                response.read()
                statuses[str(response.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                statuses[type(error).__name__] += 1
                connection.close()
            taken.append((perf_counter() - started) * 1e3)
        connection.close()
        with lock:
            found.milliseconds += taken
            found.statuses += statuses

    threads = [threading.Thread(target=work, daemon=True) for _ in range(connections)]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.seconds = perf_counter() - started
    return found
