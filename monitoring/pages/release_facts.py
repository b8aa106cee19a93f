"""The data shown on the page of a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """One viewer's page as served by the feed."""

    who: str  # "a heavy viewer"
    has_account: bool
    watches: int
    watched: Sequence[str]  # titles, the newest first
    served_by: str
    rows: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]  # title, reason, (video's title, its reason)


@dataclass(frozen=True)
class Recommendations:
    """Difference of recommendations to the champion's, for a sample of viewers."""

    viewers: int
    overlap: float  # mean share of the first ten that both lists hold
    same_first: float  # share of viewers whose first video is the same
    identical: float  # share of viewers whose ten are the same, in order
    gained: Sequence[tuple[str, int, int]]  # title, lists of the champion, lists of this release
    lost: Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class Changes:
    """Compared with the champion at the time of promotion."""

    champion: str
    settings: Sequence[tuple[str, str, str]]  # name, before, now
    policy: Sequence[str]  # lines of a unified diff
    windows: Sequence[tuple[str, str, str]]
    figures: Sequence[Mapping[str, Any]]  # training.release.comparison.Beside
    viewers: int  # number of viewers behind the figures
    why_not: str  # why there are no figures
    recommendations: Recommendations | None


@dataclass(frozen=True)
class ReleaseReport:
    world: str
    release_id: str
    created: str
    promoted: bool
    forced: bool
    gates: Sequence[Mapping[str, Any]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    counts: Mapping[str, int]
    windows: Sequence[tuple[str, str]]
    curves: Mapping[str, Sequence[Mapping[str, float]]]  # model -> a row per epoch
    chosen: Mapping[str, int]  # model -> epoch, from 1
    settings: Mapping[str, Mapping[str, str]]
    examples: Sequence[Example]
    changes: Changes | None  # None: the first champion
    measured: Mapping[str, Any]
    ladder: Mapping[str, Any] | None = None  # as `marquee ladder` writes it; None: not measured
