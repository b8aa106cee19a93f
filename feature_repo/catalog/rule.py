"""A rule of the business: what it says, on which videos, where and when; and what may not be said.

A rule is changed while pages are served (rule_store.py), and holds beside the policy of a release. Imports no database
library: whoever applies rules reads them with this module alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from feature_repo.catalog.errors import Fault
from feature_repo.core.errors import HomeError, Refused
from feature_repo.limits import MAX_COST, LimitError, check, shown

MOST_WORDS = 1_000  # in one list of a rule
MOST_POSITION = 200
MOST_FACTOR = 100.0
MOST_EXPLORED = 0.3  # of the places, as in a policy
MOST_TIMES = 1_000
NEVER_US = 2**62
UNKNOWN = "unknown"  # as the country or age group of viewers: of whom it is not known

# kind -> the fields that it needs, and those that it may have
KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pin": (("video_ids",), ("row", "position")),
    "boost": (("factor",), ()),
    "share": ((), ("at_least", "at_most")),
    "block": ((), ()),
    "floor": ((), ("least_watch_fraction", "most_dislike_rate", "least_watches")),
    "fatigue": ((), ("demoted_after", "factor", "rested_after")),
    "explore": (("explored",), ()),
}
# What a rule is about: a video has to match each of these that is stated; of lists, by any of its words.
FILTER = ("video_ids", "creator_ids", "categories", "genres", "tags", "languages")
COSTS = ("least_licence_cost", "most_licence_cost")  # bounds; a video of unknown cost is not between them
_WORDS = {
    "video_ids": "video_id",
    "creator_ids": "creator_id",
    "categories": "category",
    "genres": "category",
    "tags": "category",
    "languages": "video_language",
}
NUMBERS = {
    "least_licence_cost": (0.0, MAX_COST),
    "most_licence_cost": (0.0, MAX_COST),
    "position": (0, MOST_POSITION),
    "factor": (0.0, MOST_FACTOR),
    "at_least": (0.0, 1.0),
    "at_most": (0.0, 1.0),
    "least_watch_fraction": (0.0, 1.0),
    "most_dislike_rate": (0.0, 1.0),
    "least_watches": (1, 1_000_000),
    "demoted_after": (1, MOST_TIMES),
    "rested_after": (1, MOST_TIMES),
    "explored": (0.0, MOST_EXPLORED),
}
_WHOLE = ("position", "least_watches", "demoted_after", "rested_after")
_TEXTS = {"owner": 128, "note": 1_000, "row": 128}


@dataclass(frozen=True)
class Rule:
    """Empty lists: no condition. A moment is RFC 3339 with an offset; "": none."""

    rule_id: str
    kind: str
    video_ids: tuple[str, ...] = ()  # of a pin: one, shown at `position` of `row`
    creator_ids: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    least_licence_cost: float = 0.0  # of an hour that is watched
    most_licence_cost: float = MAX_COST
    surfaces: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()  # of viewers; UNKNOWN: of whom it is not known
    age_groups: tuple[str, ...] = ()  # of viewers, likewise
    row: str = ""  # of a pin: "" is the row of recommendations
    position: int = 0  # of a pin, 0 = first
    factor: float = 1.0  # of a boost and of fatigue: scores are multiplied by it; below 1 they are demoted
    at_least: float = 0.0  # of a share: of the recommendations
    at_most: float = 1.0
    least_watch_fraction: float = 0.0  # of a floor: the mean share watched
    most_dislike_rate: float = 1.0  # of a floor: dislikes per watch
    least_watches: int = 20  # of a floor: a video with fewer is not judged
    demoted_after: int = 0  # of fatigue: seen so often by a viewer who did not take it up; 0: never
    rested_after: int = 0  # of fatigue: seen so often, it is not recommended any more; 0: never
    explored: float = 0.0  # of explore: share of the places that explore, in place of the policy's
    starts_at: str = ""
    ends_at: str = ""
    owner: str = ""
    note: str = ""
    enabled: bool = True

    @property
    def starts_us(self) -> int:
        return _moment_us(self.starts_at) if self.starts_at else 0

    @property
    def ends_us(self) -> int:
        return _moment_us(self.ends_at) if self.ends_at else NEVER_US

    @property
    def bounds_cost(self) -> bool:
        return any(getattr(self, name) != _DEFAULTS[name] for name in COSTS)

    def holds(self, surface: str, country: str, age_groups: Iterable[str], now_us: int) -> bool:
        """`age_groups`: of everybody who watches; it holds for all of them where it holds for one."""
        return (
            self.enabled
            and self.starts_us <= now_us < self.ends_us
            and (not self.surfaces or surface in self.surfaces)
            and (not self.countries or (country or UNKNOWN) in self.countries)
            and (not self.age_groups or any((one or UNKNOWN) in self.age_groups for one in age_groups))
        )


FIELDS = tuple(one.name for one in fields(Rule))
LISTS = (*FILTER, "surfaces", "countries", "age_groups")
_DEFAULTS = {one.name: one.default for one in fields(Rule)}


class InvalidRule(Refused):
    """A rule that says something impossible or unknown; nothing was changed. `faults` has everything wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{'; '.join(map(str, faults))}; nothing was changed")


class UnknownRule(HomeError):
    """There is no rule of this id."""

    def __init__(self, rule_id: str) -> None:
        self.rule_id = rule_id
        super().__init__(f"there is no rule {shown(rule_id)}: `marquee rules list` shows those there are")


def as_stated(rule: Rule) -> dict[str, Any]:
    """The rule with its defaults left out, but for those that its kind needs: what states it again."""
    needed, _ = KINDS[rule.kind]
    given = {name: getattr(rule, name) for name in FIELDS if name in needed or getattr(rule, name) != _DEFAULTS[name]}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def rule_of(stated: Mapping[str, Any]) -> Rule:
    """The rule that these fields state; a field at its default says nothing. Raises InvalidRule with every fault."""
    return _parsed(stated, _contradictions)


def rule_of_store(kept: Mapping[str, Any]) -> Rule:
    """A rule that was accepted, whatever is asked of new ones by now. Raises InvalidRule for one of a newer Marquee."""
    return _parsed(kept, lambda values: [])


def _parsed(stated: Mapping[str, Any], contradictions: Callable[[Mapping[str, Any]], list[Fault]]) -> Rule:
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    needed, _ = KINDS.get(str(stated.get("kind")), ((), ()))
    for name, value in stated.items():
        if name not in FIELDS:
            near = difflib.get_close_matches(str(name), FIELDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            faults.append(Fault(str(name)[:60], f"one of the fields {', '.join(FIELDS)}{hint}", value))
            continue
        if value is None or (name not in needed and _is_default(name, value)):
            continue
        try:
            values[name] = _value(name, value)
        except LimitError as error:
            faults.append(Fault(name, error.expectation, error.found))
    named = {fault.field for fault in faults}
    faults += [
        Fault(name, "it to be stated", None)
        for name in ("rule_id", "kind")
        if not values.get(name) and name not in named
    ]
    if not faults:
        faults = contradictions(values)
    if faults:
        raise InvalidRule(faults)
    return Rule(**values)


def _value(name: str, value: Any) -> Any:
    """Raises LimitError."""
    if name == "rule_id":
        return check("videos", "video_id", value, called=name)
    if name == "kind":
        if not isinstance(value, str) or value not in KINDS:
            raise LimitError(name, f"one of {', '.join(KINDS)}", value)
        return value
    if name in LISTS:
        if not isinstance(value, list | tuple) or len(value) > MOST_WORDS or not all(value):
            raise LimitError(name, f"a list of at most {MOST_WORDS} words", value)
        if name == "surfaces":
            return tuple(_text(name, one, 64) for one in value)
        if name == "countries":
            return tuple(one if one == UNKNOWN else check("videos", name, [one])[0] for one in value)
        if name == "age_groups":
            return tuple(check("users", "age_group", one, called=name) for one in value)
        return tuple(check("videos", _WORDS[name], one, called=name) for one in value)
    if name in NUMBERS:
        return _number(name, value)
    if name == "enabled":
        if not isinstance(value, bool):
            raise LimitError(name, "true or false", value)
        return value
    if name in ("starts_at", "ends_at"):
        try:
            _moment_us(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise LimitError(name, "a time in RFC 3339, such as 2026-11-21T18:00:00Z", value) from error
        return value
    return _text(name, value, _TEXTS[name])


def _is_default(name: str, value: Any) -> bool:
    default = _DEFAULTS[name]
    return type(value) is not bool and (tuple(value) if isinstance(value, list) else value) == default


def _text(name: str, value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise LimitError(name, f"text of at most {most} printable characters", value)
    return value


def _number(name: str, value: Any) -> float | int:
    least, most = NUMBERS[name]
    whole = name in _WHOLE
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not least <= value <= most:
        raise LimitError(name, f"a {'whole ' if whole else ''}number from {least:g} to {most:g}", value)
    return value


def _contradictions(values: Mapping[str, Any]) -> list[Fault]:
    """Of fields that are each as they should be."""
    kind, faults = values["kind"], []
    needed, optional = KINDS[kind]
    of_kinds = {name for both in KINDS.values() for names in both for name in names} - set(FILTER)
    for name in sorted(of_kinds & set(values) - {*needed, *optional}):
        whose = ", ".join(one for one, (must, may) in KINDS.items() if name in must + may)
        faults.append(Fault(name, f"it only in rules of the kind {whose}", values[name]))
    missing = [name for name in needed if values.get(name) in (None, ())]
    faults += [Fault(name, f"it in a rule of the kind {kind}", None) for name in missing]
    stated = [name for name in FILTER if values.get(name)]
    stated += [name for name in COSTS if values.get(name, _DEFAULTS[name]) != _DEFAULTS[name]]
    if kind == "pin":
        if len(values.get("video_ids", ())) > 1:
            faults.append(Fault("video_ids", "one video in a pin: add a rule for each", values["video_ids"]))
        faults += [Fault(name, "no filter but video_ids in a pin", values[name]) for name in stated[1:]]
    elif kind == "explore":
        faults += [Fault(name, "no filter in a rule of the kind explore", values[name]) for name in stated]
    elif kind not in ("floor", "fatigue") and not stated:
        faults.append(Fault("video_ids", f"a filter: one of {', '.join((*FILTER, *COSTS))}", None))
    if kind == "boost" and values.get("factor") == 1:
        faults.append(Fault("factor", "another number than 1, or the rule says nothing", values["factor"]))
    if kind == "share":
        least, most = values.get("at_least", 0.0), values.get("at_most", 1.0)
        if least > most:
            faults.append(Fault("at_least", f"at most at_most, which is {most:g}", least))
        if least == 0 and most == 1:
            faults.append(Fault("at_least", "at_least above 0 or at_most below 1, or the rule says nothing", least))
    if kind == "floor" and not values.get("least_watch_fraction") and values.get("most_dislike_rate", 1.0) >= 1:
        faults.append(
            Fault("least_watch_fraction", "it or most_dislike_rate, or the rule says nothing; "
                      "what is flagged is kept out by a block of its tag", None)
        )  # fmt: skip
    if kind == "fatigue":
        faults += _of_fatigue(values)
    least_cost, most_cost = (values.get(name, _DEFAULTS[name]) for name in COSTS)
    if least_cost > most_cost:
        faults.append(Fault("least_licence_cost", f"at most most_licence_cost, which is {most_cost:g}", least_cost))
    starts, ends = values.get("starts_at"), values.get("ends_at")
    if starts and ends and _moment_us(starts) >= _moment_us(ends):
        faults.append(Fault("ends_at", f"a time after starts_at, {starts}", ends))
    return faults


def _of_fatigue(values: Mapping[str, Any]) -> list[Fault]:
    demoted, rested = values.get("demoted_after", 0), values.get("rested_after", 0)
    if not demoted and not rested:
        return [Fault("demoted_after", "it or rested_after, or the rule says nothing", None)]
    faults = []
    if demoted and values.get("factor", 1.0) >= 1:
        faults.append(Fault("factor", "a number below 1, by which scores are multiplied", values.get("factor")))
    if demoted and rested and demoted >= rested:
        faults.append(Fault("rested_after", f"more than demoted_after, which is {demoted}", rested))
    return faults


def _moment_us(text: str) -> int:
    """Raises ValueError, TypeError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return int(moment.astimezone(UTC).timestamp() * 1_000_000)
