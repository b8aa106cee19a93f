"""Settings of the retrieval index: its kind by the size of the catalog, and how closely it searches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from feature_repo.core.settings import Section

Kind = Literal["flat", "ivf_sq8", "ivf_pq"]
LISTS_PER_ROOT = 4  # lists per square root of the number of videos
MOST_SHARDS = 1000


@dataclass(frozen=True)
class IndexConfig:
    index: Literal["auto", "flat", "ivf_sq8", "ivf_pq"] = "auto"  # auto: flat, or ivf_sq8 above `flat_videos`
    flat_videos: int = 100_000  # the largest catalog whose vectors are all compared, which is exact
    lists: int = 4_096  # of ivf_sq8 and ivf_pq, at most: four per square root of the number of videos (of a shard)
    probes: int = 50  # lists that a search without a filter looks into, at least; more where few videos are allowed
    recall: float = 0.95  # share of an exact search that it is to find for past viewers: probes are doubled until then
    shards: int = 1  # parts of the index, each built and searched by itself, with lists of its own; answers are merged
    code_bytes: int = 64  # per vector, of ivf_pq: at most, a divisor of its numbers
    sampled_vectors: int = 130_000  # from which lists and codes are learned

    def __post_init__(self) -> None:
        if self.index not in ("auto", *get_args(Kind)):
            raise ValueError(f"index: expected auto, {', '.join(get_args(Kind))}, found {self.index!r}")
        if min(self.lists, self.probes, self.shards, self.code_bytes, self.sampled_vectors) < 1:
            raise ValueError("lists, probes, shards, code_bytes and sampled_vectors: expected at least 1")
        if self.recall > 1:
            raise ValueError(f"recall: expected at most 1, found {self.recall}")
        if self.shards > MOST_SHARDS:
            raise ValueError(f"shards: expected at most {MOST_SHARDS}, found {self.shards}")

    def kind(self, videos: int) -> Kind:
        if self.index != "auto":
            return self.index
        return "flat" if videos <= self.flat_videos else "ivf_sq8"

    def lists_of(self, videos: int) -> int:
        return max(1, min(self.lists, int(LISTS_PER_ROOT * np.sqrt(videos))))

    def codes_of(self, dim: int) -> int:
        """The parts into which a vector of `dim` numbers is cut, each a byte."""
        return max(parts for parts in range(1, min(self.code_bytes, dim) + 1) if dim % parts == 0)


RETRIEVAL = Section("retrieval", IndexConfig, "marquee promote, marquee index")
EXACT = IndexConfig(index="flat")
