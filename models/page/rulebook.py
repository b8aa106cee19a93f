"""The rules of the business, as they are at one moment, made ready for requests.

Which videos a rule is about is computed once for each video, and again for those that change; a request looks at the
rules that hold for it, and at the rows that it is about to show.

V videos of the catalog, N rows of it, R rules, W bytes of R bits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from feature_repo.catalog.rule import KINDS, NEVER_US, UNKNOWN, Rule
from models.catalog import Catalog, ViewerRequest
from models.per_catalog import PerCatalog

Array = np.ndarray[Any, Any]

KINDS_KEPT = 1_000  # combinations of surface, viewers and time of which is kept which rules hold
AT_ONCE = 65_536  # rows whose words exist at the same time
_COLUMNS = {
    "creator_ids": "creator_id",
    "categories": "category",
    "genres": "genre_names",
    "tags": "tags",
    "languages": "video_language",
}
_LISTS = ("genres", "tags")


@dataclass(frozen=True)
class Holding:
    """The rules that hold for a request, as numbers of them in their book."""

    blocks_W: Array  # bits
    has_blocks: bool
    floors: tuple[int, ...]
    boosts: tuple[int, ...]
    shares: tuple[int, ...]
    pins: tuple[int, ...]
    fatigues: tuple[int, ...]
    explored: float | None  # share of the places that explore; None: the policy's
    rests: bool  # whether fatigue keeps anything from being recommended

    @property
    def forbids(self) -> bool:
        return self.has_blocks or bool(self.floors)


@dataclass(frozen=True)
class Pin:
    row: int  # of the catalog
    row_id: str  # of the page; "": the recommendations
    position: int


@dataclass(frozen=True)
class Share:
    rule_id: str
    mask_N: Array
    at_least: float
    at_most: float


class KeptShare(NamedTuple):
    """What a rule of the kind share asks of a list, and what there is."""

    rule_id: str
    at_least: int
    at_most: int
    found: int


class RuleBook:
    """All rules of one version. Thread-safe."""

    def __init__(self, version: int = 0, rules: Sequence[Rule] = ()) -> None:
        self.version = version
        self.rules = tuple(sorted((rule for rule in rules if rule.enabled), key=lambda rule: rule.rule_id))
        self._facts = PerCatalog(self._about)
        self._moments = sorted(
            {us for rule in self.rules for us in (rule.starts_us, rule.ends_us) if 0 < us < NEVER_US}
        )
        self._countries = {country for rule in self.rules for country in rule.countries}
        self._age_groups = frozenset(age_group for rule in self.rules for age_group in rule.age_groups)
        self._kept: dict[tuple[str, str, frozenset[str], int], Holding] = {}

    def __bool__(self) -> bool:
        return bool(self.rules)

    @cached_property
    def _nothing(self) -> Holding:
        return Holding(np.zeros(0, dtype=np.uint8), False, (), (), (), (), (), None, False)

    def follow(self, catalog: Catalog) -> None:
        """What whoever publishes rules or a catalog calls, before requests see them."""
        if self.rules:
            self._facts.of(catalog)

    def next_us(self, now_us: int) -> int:
        """When other rules begin to hold, by their times alone."""
        at = bisect_right(self._moments, now_us)
        return self._moments[at] if at < len(self._moments) else NEVER_US

    def holding(self, request: ViewerRequest) -> Holding:
        if not self.rules:
            return self._nothing
        country = request.country or UNKNOWN
        age_groups = frozenset(one or UNKNOWN for one in request.age_groups)
        key = (
            request.surface,
            country if country in self._countries else "",
            age_groups & self._age_groups,
            bisect_right(self._moments, request.now_us),
        )
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= KINDS_KEPT:
                self._kept = {}
            found = self._kept[key] = self._holding(request.surface, country, age_groups, request.now_us)
        return found

    def allows(self, request: ViewerRequest, rows: Array) -> Array:
        """(N,) bool: which of these rows no block and no floor keeps out."""
        holding = self.holding(request)
        kept = np.ones(len(rows), dtype=bool)
        if not holding.forbids or not len(rows):
            return kept
        facts_NW = self._facts.of(request.catalog)[rows]
        if holding.has_blocks:
            kept &= ~(facts_NW & holding.blocks_W).any(axis=1)
        for number in holding.floors:
            kept &= ~(_bit(facts_NW, number) & _below(self.rules[number], request.catalog, rows))
        return kept

    def factors(self, request: ViewerRequest, rows: Array) -> Array | None:
        """(N,) by which scores are multiplied; None: by nothing."""
        holding = self.holding(request)
        if not holding.boosts and not holding.fatigues:
            return None
        factor_N = np.ones(len(rows))
        facts_NW = self._facts.of(request.catalog)[rows]
        for number in holding.boosts:
            factor_N[_bit(facts_NW, number)] *= self.rules[number].factor
        if holding.fatigues:
            times_N = _times_shown(request, rows)
            for number in holding.fatigues:
                after = self.rules[number].demoted_after
                tired_N = _bit(facts_NW, number) & (times_N >= after) if after else np.zeros(len(rows), dtype=bool)
                factor_N[tired_N] *= self.rules[number].factor
        return factor_N

    def is_fresh(self, request: ViewerRequest, rows: Array) -> Array:
        """(N,) bool: which of these rows this viewer has not seen so often, without taking them up, that they rest."""
        fresh_N = np.ones(len(rows), dtype=bool)
        holding = self.holding(request)
        if not holding.rests or not len(rows):
            return fresh_N
        facts_NW, times_N = self._facts.of(request.catalog)[rows], _times_shown(request, rows)
        for number in holding.fatigues:
            if after := self.rules[number].rested_after:
                fresh_N &= ~(_bit(facts_NW, number) & (times_N >= after))
        return fresh_N

    def explored(self, request: ViewerRequest, share: float) -> float:
        """The share of places that explore, which is `share` where no rule says another; of several the largest."""
        said = self.holding(request).explored
        return share if said is None else said

    def shares(self, request: ViewerRequest, rows: Array) -> list[Share]:
        shares = self.holding(request).shares
        if not shares:
            return []
        facts_NW = self._facts.of(request.catalog)[rows]
        rules = [(self.rules[number], _bit(facts_NW, number)) for number in shares]
        return [Share(rule.rule_id, mask_N, rule.at_least, rule.at_most) for rule, mask_N in rules]

    def pins(self, request: ViewerRequest) -> list[Pin]:
        """Of videos that the catalog holds, whether or not they may be shown; each video and each place once."""
        found: dict[tuple[str, int], Pin] = {}
        taken: set[int] = set()
        for rule in (self.rules[number] for number in self.holding(request).pins):
            row = int(request.catalog.row_of.many(rule.video_ids)[0])
            if row >= 0 and row not in taken and (rule.row, rule.position) not in found:
                taken.add(row)
                found[rule.row, rule.position] = Pin(row, rule.row, rule.position)
        return list(found.values())

    def _holding(self, surface: str, country: str, age_groups: frozenset[str], now_us: int) -> Holding:
        numbers = [at for at, rule in enumerate(self.rules) if rule.holds(surface, country, age_groups, now_us)]
        of = {kind: tuple(at for at in numbers if self.rules[at].kind == kind) for kind in KINDS}
        blocks = np.zeros(len(self.rules), dtype=bool)
        blocks[list(of["block"])] = True
        blocks_W = np.packbits(blocks, bitorder="little")
        return Holding(
            blocks_W,
            bool(of["block"]),
            of["floor"],
            of["boost"],
            of["share"],
            of["pin"],
            of["fatigue"],
            max((self.rules[at].explored for at in of["explore"]), default=None),
            any(self.rules[at].rested_after for at in of["fatigue"]),
        )

    def _about(self, catalog: Catalog, rows: Array) -> Array:
        """(N, W) bits: which rules each of these rows is about."""
        width = -(-len(self.rules) // 8)
        facts_NW = np.zeros((len(rows), width), dtype=np.uint8)
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            facts_NR = np.stack([_matches(rule, catalog, some) for rule in self.rules], axis=1)
            facts_NW[start : start + AT_ONCE] = np.packbits(facts_NR, axis=1, bitorder="little")
        return facts_NW


NO_RULES = RuleBook()


def _bit(facts_NW: Array, number: int) -> Array:
    found: Array = (facts_NW[:, number >> 3] >> (number & 7) & 1).astype(bool)
    return found


def _matches(rule: Rule, catalog: Catalog, rows: Array) -> Array:
    matching = np.ones(len(rows), dtype=bool)
    if rule.video_ids:
        matching &= np.isin(rows, catalog.row_of.many(rule.video_ids))
    for name, column in _COLUMNS.items():
        words = set(getattr(rule, name))
        if not words:
            continue
        at = np.flatnonzero(matching)
        values = catalog.columns[column][rows[at]]
        if name in _LISTS:
            held = [one is not None and not words.isdisjoint(one) for one in values]
        else:
            held = [one in words for one in values]
        matching[at] = np.array(held, dtype=bool)
    if rule.bounds_cost:
        cost = catalog.columns["licence_cost"][rows]
        matching &= (cost >= rule.least_licence_cost) & (cost <= rule.most_licence_cost)
    return matching


def _times_shown(request: ViewerRequest, rows: Array) -> Array:
    """(N,) how often the viewer has seen each without taking it up since; 0 of what was not among the latest seen."""
    times_N = np.zeros(len(rows), dtype=np.int64)
    ids = request.features.get("shown_video_ids", ())
    if not len(ids):
        return times_N
    seen = request.catalog.row_of.many(ids)
    order = np.argsort(seen, kind="stable")
    at = np.minimum(np.searchsorted(seen[order], rows), len(seen) - 1)
    is_there = seen[order][at] == rows
    times_N[is_there] = np.asarray(request.features["shown_counts"], dtype=np.int64)[order][at][is_there]
    return times_N


def _below(rule: Rule, catalog: Catalog, rows: Array) -> Array:
    """(N,) bool: which of these rows are below the floor, by their counters as of now."""
    columns = catalog.columns
    watches = columns["video_watch_count"][rows]
    judged: Array = watches >= rule.least_watches
    divisor = np.maximum(watches, 1)
    watched = columns["video_watch_fraction_sum"][rows] / divisor
    disliked = columns["video_dislike_count"][rows] / divisor
    return judged & ((watched < rule.least_watch_fraction) | (disliked > rule.most_dislike_rate))
