"""The shape of a two-tower network, as a release's config.json has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TimeBias = Literal["none", "history", "query"]


@dataclass(frozen=True)
class TowerConfig:
    dim: int = 64
    blocks: int = 2
    heads: int = 1
    length: int = 50  # newest watches that the user tower reads
    dropout: float = 0.1
    id_dropout: float = 0.1
    creator_dim: int = 16
    content: bool = True  # False: a video's vector is its id embedding alone, and new videos have none
    time_bias: TimeBias = "none"
    asker: bool = False  # whether the user tower reads the viewer context

    def __post_init__(self) -> None:
        if self.time_bias not in ("none", "history", "query"):
            raise ValueError(f"time_bias: expected none, history or query, found {self.time_bias!r}")
        if self.dim % self.heads:
            raise ValueError(f"dim: expected a multiple of heads ({self.heads}), found {self.dim}")
        if not 0 <= self.id_dropout < 1 or not 0 <= self.dropout < 1:
            raise ValueError("dropout and id_dropout: expected at least 0 and below 1")
        if min(self.dim, self.blocks, self.length) < 1:
            raise ValueError("dim, blocks and length: expected at least 1")
