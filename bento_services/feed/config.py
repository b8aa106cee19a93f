"""The sizes and patience of the feed's parts, with defaults that run on a laptop. Product rules are in policy.toml."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from models.candidates.fusion import DEPTH


@dataclass(frozen=True)
class SourceSizes:
    """How many candidates each source may bring. A source of a row must leave enough for it after the top picks."""

    two_tower: int = 250
    item_item: int = 100
    factors: int = 100
    content: int = 50
    creators: int = 30
    series: int = 10
    trending: int = 60
    fresh: int = 40
    popular: int = 60
    area: int = 60
    explore: int = 30

    @classmethod
    def deep(cls, depth: int = DEPTH) -> SourceSizes:
        """For releases with a blend, which chooses among what all sources bring."""
        return cls(**{f.name: depth for f in fields(cls) if f.name not in ("series", "explore")})


@dataclass(frozen=True)
class RowSizes:
    length: int = 10
    least: int = 3  # a row with fewer videos is left out
    anchors: int = 2  # rows "Because you watched ..."
    newcomer_watches: int = 5  # below, the viewer gets a row of what is popular


@dataclass(frozen=True)
class FeedConfig:
    sources: SourceSizes = field(default_factory=SourceSizes)
    blended: SourceSizes = field(default_factory=SourceSizes.deep)  # where the release has a blend
    kept: int = 25  # of each source that has a row: what the blend may not cut
    rows: RowSizes = field(default_factory=RowSizes)
    candidates: int = 500  # at most so many are ranked
    diversified: int = 150  # at most so many of the best are spread by MMR; the rest keep their order
    deadline_ms: int = 200  # a rung that is still at work then gives way to a cheaper one
    newcomer_maturity: int = 13  # for viewers without a profile
    unreadable_maturity: int = 0  # for viewers whose profile cannot be read: it may be a child's
    remembered_viewers: int = 2_000  # last known features, for when the store is down
    breaker_failures: int = 3
    breaker_seconds: float = 1.0
    explore: bool = True  # False: nothing on a page is random
    spread: bool = True

    def __post_init__(self) -> None:
        if min(self.candidates, self.diversified, self.rows.length) < 1:
            raise ValueError("candidates, diversified and rows.length: expected at least 1")
