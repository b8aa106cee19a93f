"""How many of a viewer's recommendations are popular videos: fewer with every watch that says what they like."""

from __future__ import annotations

from dataclasses import dataclass

from models.candidates.sources.area import AREA
from models.candidates.sources.popular import POPULAR
from models.candidates.sources.trending import TRENDING

SOURCES = (POPULAR, AREA, TRENDING)  # what one of them found is popular
NONE, FEW, MANY = "none", "few", "many"  # watches


@dataclass(frozen=True)
class PopularShares:
    """At least this share of the recommendations, of viewers of so many watches; 0 asks for none."""

    none: float = 0.0
    few: float = 0.0
    many: float = 0.0
    few_from: int = 1
    many_from: int = 20

    def __post_init__(self) -> None:
        if max(self.none, self.few, self.many) > 1:
            raise ValueError("popular: expected shares of 0 to 1")
        if not 1 <= self.few_from <= self.many_from:
            raise ValueError("few_from and many_from: expected at least 1, in this order")

    def stage(self, watches: int) -> str:
        return MANY if watches >= self.many_from else FEW if watches >= self.few_from else NONE

    def of(self, watches: int) -> float:
        return {NONE: self.none, FEW: self.few, MANY: self.many}[self.stage(watches)]


def least(share: float, places: int) -> int:
    return int(share * places + 1e-9)
