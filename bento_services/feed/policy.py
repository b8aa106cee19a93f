"""The declared rules of a release (policy.toml), and the certificate that says which of them a list keeps."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from bento_services.errors import PolicyError
from bento_services.feed.page import Item, Row
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.resume import RESUME
from models.page.diversity import METHODS, Caps
from models.page.policy_file import POLICY

UNVARIED = (RESUME, EXPLORE)  # rows exempt from variety caps


@dataclass(frozen=True)
class Boosts:
    """Factors on the score of a video published within the last day, or the last seven."""

    day: float = 1.2
    week: float = 1.1


@dataclass(frozen=True)
class Diversity:
    """How lists are diversified over genres: a method of models.page.diversity, and its trade-off, 1 being relevance
    only."""

    method: str = "max_sum"
    relevance: float = 0.92

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method: expected one of {', '.join(METHODS)}, found {self.method!r}")
        if not 0.0 <= self.relevance <= 1.0:
            raise ValueError(f"relevance: expected 0 to 1, found {self.relevance}")


@dataclass(frozen=True)
class Exploration:
    """Every place after the `protected` first ones explores with probability `share`."""

    share: float = 0.10
    protected: int = 3

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 0.3:
            raise ValueError(f"share: expected 0 to 0.3, found {self.share}")


@dataclass(frozen=True)
class Policy:
    version: str
    caps: Caps = field(default_factory=Caps)
    boosts: Boosts = field(default_factory=Boosts)
    diversity: Diversity = field(default_factory=Diversity)
    exploration: Exploration = field(default_factory=Exploration)


_Section = TypeVar("_Section", Caps, Boosts, Diversity, Exploration)


def load_policy(path: Path = POLICY) -> Policy:
    """Raises PolicyError naming the file and the part at fault."""
    try:
        declared = tomllib.loads(path.read_text())
        return Policy(
            version=str(declared["version"]),
            caps=_section(Caps, {**declared["caps"], "relaxation": tuple(declared["caps"]["relaxation"])}),
            boosts=_section(Boosts, declared.get("boosts", {})),
            diversity=_section(Diversity, declared.get("spread", {})),
            exploration=_section(Exploration, declared.get("exploration", {})),
        )
    except KeyError as error:
        raise PolicyError(f"{path}: expected {error} in it") from error
    except (OSError, ValueError, TypeError) as error:
        raise PolicyError(f"{path}: {error}") from error


def certify(rows: Sequence[Row], items: Sequence[Item], limit: int, policy: Policy, now_us: int) -> dict[str, Any]:
    """What a page and its recommendations keep of the policy, found by looking at what is on the page.

    Whoever holds the page can find the same figures: a creator is `channel`, a category `genres[0]`, and fresh is
    `published_at` on or after `fresh_from`. `max_per_creator_in_row` is about the rows beside the recommendations, the
    UNVARIED ones left out. {policy, fresh_from, top, rules: [{rule, bar, found, kept}], relaxed: [rule]}
    """
    caps, n = policy.caps, len(items)
    fresh_from = (datetime.fromtimestamp(now_us / 1e6, UTC).date() - timedelta(days=caps.fresh_days)).isoformat()
    categories = [item.genres[0] if item.genres else "" for item in items]
    genres_on_top = Counter(genre for item in items[: caps.top] for genre in set(item.genres))
    found: dict[str, tuple[float, float, bool]] = {}  # rule -> bar, found, whether more is better
    found["count"] = (limit, n, True)
    on_page = [item.video_id for row in rows for item in row.items]
    found["duplicates_on_page"] = (0, len(on_page) - len(set(on_page)), False)
    varied = [row.items for row in rows if row.row_id not in UNVARIED and row.items is not items]
    in_rows = [_most(Counter(item.channel for item in row)) for row in varied]
    found["max_per_creator_in_row"] = (caps.max_per_creator, max(in_rows, default=0), False)
    found["max_per_creator"] = (caps.max_per_creator, _most(Counter(item.channel for item in items)), False)
    found["max_category_share"] = (caps.category_bar(n), _most(Counter(categories)), False)
    found["max_category_run"] = (caps.max_category_run, _longest_run(categories), False)
    found["max_genre_in_top"] = (caps.max_genre_in_top, _most(genres_on_top), False)
    found["min_fresh"] = (caps.fresh_bar(n), sum(item.published_at >= fresh_from for item in items), True)
    kept = {rule: value >= bar if more else value <= bar for rule, (bar, value, more) in found.items()}
    return {
        "policy": policy.version,
        "fresh_from": fresh_from,
        "top": caps.top,
        "rules": [
            {"rule": rule, "bar": bar, "found": value, "kept": kept[rule]} for rule, (bar, value, _) in found.items()
        ],
        "relaxed": [rule for rule in caps.relaxation if not kept[rule]],
    }


def fresh_since_us(now_us: int, days: int) -> int:
    """The first microsecond of the day from which on a video is fresh: dates, so that a certificate can be checked."""
    day: date = datetime.fromtimestamp(now_us / 1e6, UTC).date() - timedelta(days=days)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _section(kind: type[_Section], declared: Mapping[str, Any]) -> _Section:
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(declared) - known):
        raise ValueError(f"unknown rule {unknown[0]}; {kind.__name__.lower()} know {', '.join(sorted(known))}")
    return kind(**declared)


def _most(counts: Counter[str]) -> int:
    return max((count for name, count in counts.items() if name), default=0)


def _longest_run(categories: Sequence[str]) -> int:
    return max((len(list(run)) for category, run in groupby(categories) if category), default=0)
