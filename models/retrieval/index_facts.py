"""What is known of a release's index: its kind, and how much of an exact search it finds. A file beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from feature_repo.core.files import write_atomic
from models.bits import Bits
from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]

FACTS_FILE = "facts.json"
NEIGHBOURS = 100  # nearest videos of which recall is the share that is found
SCORES_AT_ONCE = 50_000_000  # of queries and videos


@dataclass(frozen=True)
class IndexFacts:
    kind: str
    videos: int
    lists: int
    neighbours: int  # that were compared
    queries: int
    recall: float | None  # share of the nearest videos that it finds; None: there was no query
    filtered_recall: float | None  # the same of the videos that a filter leaves
    probes: int = 0  # lists that a search looks into, raised until it finds enough

    def write(self, directory: Path) -> None:
        write_atomic(directory / FACTS_FILE, msgspec.json.format(msgspec.json.encode(asdict(self))) + b"\n")

    @classmethod
    def read(cls, directory: Path) -> IndexFacts | None:
        """None of an index of an older revision."""
        path = directory / FACTS_FILE
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else None


def exact_rows(vectors_ND: Array, query_BD: Array, k: int, allowed_N: Array | None = None) -> Array:
    """(B, k) rows of the largest inner products, in no order; k at most the number of allowed videos."""
    at_once = max(1, SCORES_AT_ONCE // max(len(vectors_ND), 1))
    parts = [np.zeros((0, k), dtype=np.int64)]
    for start in range(0, len(query_BD), at_once):
        score_BN = query_BD[start : start + at_once] @ vectors_ND.T
        if allowed_N is not None:
            score_BN[:, ~allowed_N] = -np.inf
        parts.append(np.argpartition(score_BN, -k, axis=1)[:, -k:])
    return np.concatenate(parts)


@dataclass(frozen=True)
class Exact:
    """What an exact search finds for some queries: what indexes over the same vectors are compared with."""

    query_BD: Array
    rows_Bk: Array
    allowed: Bits | None

    @classmethod
    def of(cls, vectors_ND: Array, query_BD: Array, k: int, allowed_N: Array | None = None) -> Exact:
        """`k` at most as many as are allowed."""
        k = min(k, len(vectors_ND) if allowed_N is None else int(np.count_nonzero(allowed_N)))
        allowed = None if allowed_N is None else Bits.of(allowed_N)
        return cls(query_BD, exact_rows(vectors_ND, query_BD, k, allowed_N), allowed)

    def recall(self, index: VideoIndex) -> float:
        """Share of these videos that the index finds."""
        k = self.rows_Bk.shape[1]
        found = index.search_rows(self.query_BD, k, self.allowed)[0]
        pairs = zip(found, self.rows_Bk, strict=True)
        return float(np.mean([len(np.intersect1d(ours, theirs)) / k for ours, theirs in pairs]))
