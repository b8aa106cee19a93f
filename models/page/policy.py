"""The policy of a release: the rules in policy.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from models.page.context import ContextWeights
from models.page.delivery import Promise
from models.page.diversity import METHODS, Caps, PageCaps
from models.page.policy_file import POLICY, policy_of
from models.page.popular import PopularShares
from models.ranking.score import ActionWeights

MOST = 1_000_000  # upper bound of every number in a policy
SECTIONS = ("version", "score", "caps", "boosts", "spread", "exploration", "page", "context", "popular", "delivery")


class PolicyError(MarqueeError):
    """A policy that declares something impossible or unknown."""


@dataclass(frozen=True)
class Boosts:
    """Factors on the scores of videos published within the last day, and the last seven."""

    day: float = 1.2
    week: float = 1.1


@dataclass(frozen=True)
class Diversity:
    """How lists are diversified over genres: a method of models.page.diversity and its trade-off; `relevance` 1 means
    no diversification."""

    method: str = "max_sum"
    relevance: float = 0.92

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method: expected one of {', '.join(METHODS)}, found {self.method!r}")
        if not 0.0 <= self.relevance <= 1.0:
            raise ValueError(f"relevance: expected 0 to 1, found {self.relevance}")


@dataclass(frozen=True)
class Exploration:
    """Every place after the first `protected` ones explores with probability `share`."""

    share: float = 0.10
    protected: int = 3

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 0.3:
            raise ValueError(f"share: expected 0 to 0.3, found {self.share}")


@dataclass(frozen=True)
class Policy:
    version: str
    score: ActionWeights | None = None  # None: those that the ranker of the release was trained with
    caps: Caps = field(default_factory=Caps)
    boosts: Boosts = field(default_factory=Boosts)
    diversity: Diversity = field(default_factory=Diversity)
    exploration: Exploration = field(default_factory=Exploration)
    page: PageCaps = field(default_factory=PageCaps)
    context: ContextWeights = field(default_factory=ContextWeights)
    popular: PopularShares = field(default_factory=PopularShares)  # of the home page
    delivery: Promise = field(default_factory=Promise)  # to new videos, kept by the places that explore


_Section = TypeVar(
    "_Section", ActionWeights, Caps, Boosts, Diversity, Exploration, PageCaps, ContextWeights, PopularShares, Promise
)


def load_policy(path: Path = POLICY) -> Policy:
    """Raises PolicyError, which names the file and the faulty rule."""
    try:
        declared = tomllib.loads(path.read_text())
        if unknown := sorted(set(declared) - set(SECTIONS)):
            raise ValueError(f"expected {', '.join(SECTIONS)}, found {unknown[0]}")
        return Policy(
            version=str(declared["version"]),
            score=_section(ActionWeights, declared["score"]) if "score" in declared else None,
            caps=_section(Caps, {**declared["caps"], "relaxation": tuple(declared["caps"]["relaxation"])}),
            boosts=_section(Boosts, declared.get("boosts", {})),
            diversity=_section(Diversity, declared.get("spread", {})),
            exploration=_section(Exploration, declared.get("exploration", {})),
            page=_section(PageCaps, declared.get("page", {})),
            popular=_section(PopularShares, declared.get("popular", {})),
            delivery=_section(Promise, declared.get("delivery", {})),
            context=_section(ContextWeights, _with_tuples(declared.get("context", {}))),
        )
    except KeyError as error:
        raise PolicyError(f"{path}: expected {error} in it") from error
    except (OSError, ValueError, TypeError) as error:
        raise PolicyError(f"{path}: {error}") from error


def require_policy(home: Home) -> None:
    """Raises PolicyError where the policy that the next release would carry is none: before any work for that."""
    load_policy(policy_of(home))


def fresh_since_us(now_us: int, days: int) -> int:
    """Videos published from this microsecond on are fresh. It is the start of a day, because a page only shows dates,
    and the certificate must be checkable from the page."""
    day: date = datetime.fromtimestamp(now_us / 1e6, UTC).date() - timedelta(days=days)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _with_tuples(declared: Any) -> Any:
    """A table whose lists of words are tuples, as the fields of a frozen dataclass are."""
    if not isinstance(declared, Mapping):
        return declared
    return {
        name: tuple(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
        for name, value in declared.items()
    }


def _section(kind: type[_Section], declared: Mapping[str, Any]) -> _Section:
    """Raises ValueError for an unknown rule, or a value of another type or sign than the default."""
    if not isinstance(declared, Mapping):
        raise ValueError(f"{kind.__name__.lower()}: expected a table, found {declared!r}")
    defaults = {field.name: field.default for field in fields(kind)}
    if unknown := sorted(set(declared) - set(defaults)):
        raise ValueError(f"unknown rule {unknown[0]}; {kind.__name__.lower()} know {', '.join(sorted(defaults))}")
    for name, value in declared.items():
        _check(name, value, defaults[name])
    return kind(**declared)


def _check(name: str, value: Any, default: Any) -> None:
    if isinstance(default, str | tuple):
        if not isinstance(value, type(default)):
            raise ValueError(f"{name}: expected {'a text' if isinstance(default, str) else 'a list'}, found {value!r}")
        return
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise ValueError(f"{name}: expected a {'whole ' if whole else ''}number, found {value!r}")
    if not 0 <= value <= MOST:  # also catches NaN
        raise ValueError(f"{name}: expected 0 to {MOST:,}, found {value!r}")
