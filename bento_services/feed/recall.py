"""How many of the nearest videos retrieval finds for the viewers who ask: a sample of pages, compared behind them.

A release's index was measured once, on viewers of the past and the catalog of then. Here the viewers, filters and
catalog are those of now, and what lies beside the index counts as well.

V videos of the catalog, D embedding.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from bento_services import metrics
from bento_services.feed.stages import Request
from models.allowed import Allowed
from models.per_catalog import PerCatalog
from models.retrieval.index_facts import NEIGHBOURS, exact_rows

Array = np.ndarray[Any, Any]

SEEDS = 2.0**64  # a request's seed is a hash of its id, below this
ROUNDING = 1e-5  # of a score: equally near videos may be found in place of each other

report = structlog.get_logger("feed")


@dataclass(frozen=True)
class Search:
    """Of one request: `found` are (K,) rows of its catalog, best first, of at most `asked` that it wanted."""

    kind: str
    vectors: PerCatalog  # (V, D)
    request: Request
    allowed: Allowed
    found: Array
    asked: int


class LiveRecall:
    """One thread, which makes one comparison at a time; what is sampled meanwhile is left out. Thread-safe."""

    def __init__(self, share: float) -> None:
        """`share`: of the pages that viewers see. The thread starts with the first of them."""
        self._below = share * SEEDS
        self._waiting: queue.Queue[Search | None] = queue.Queue(1)
        self._lock = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    def takes(self, request: Request) -> bool:
        """Whether the page of this request is in the sample."""
        return request.query.log and request.seed < self._below

    def compare(self, search: Search) -> None:
        with self._lock:
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live-recall", daemon=True)
                self._thread.start()
            with suppress(queue.Full):
                self._waiting.put_nowait(search)

    def close(self) -> None:
        """Finish what was begun, and end the thread."""
        with self._lock:
            self._closed = True
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while (search := self._waiting.get()) is not None:
            try:
                share = recall_of(search)
            except Exception as error:  # of this search only
                report.error("recall not measured", error=repr(error), exc_info=error)
                continue
            if share is not None:
                metrics.RECALL.labels(search.kind).observe(share)


def recall_of(search: Search) -> float | None:
    """The share of the nearest videos that was found; None if there are no videos to be found, or no vector."""
    allowed, query_D = search.allowed, search.request.user_vector
    k = min(NEIGHBOURS, search.asked, allowed.count)
    if query_D is None or not k:
        return None
    vectors_VD = search.vectors.of(search.request.catalog)
    nearest = exact_rows(vectors_VD, query_D[None, :], k, allowed.mask())[0]
    least = float((vectors_VD[nearest] @ query_D).min())
    scores = vectors_VD[search.found[:k]] @ query_D
    return int(np.count_nonzero(scores >= least - ROUNDING * abs(least))) / k
