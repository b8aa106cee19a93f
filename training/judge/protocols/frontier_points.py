"""The points of the frontier: the sweep, its curves, and the choice of a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.page.diversity import METHODS, SCREEN
from training.judge.protocols.reading import declared
from training.record.results import Run

Figures = dict[str, float]
RELEVANCE = "relevance"  # the reference: no diversification
GAINS = ("ild_at_10", "coverage_at_10")
LOSS = "validation_ndcg_loss"  # per viewer, in a run's per_unit


@dataclass(frozen=True)
class FrontierConfig:
    """`floors`: the share of an even exposure that prices guarantee to every video; 0: no prices.
    `seeds`: fit a model for each, by the recipe of the home's world; empty: measure the home's own model."""

    name: str = "diversity"
    seeds: tuple[int, ...] = ()
    methods: tuple[str, ...] = tuple(METHODS)
    trade_offs: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6)
    floors: tuple[float, ...] = (0.0,)
    candidates: int = 100
    max_loss: float = 0.01
    max_viewers: int = 10_000

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.methods) - set(METHODS)):
            raise ValueError(f"methods: expected some of {', '.join(METHODS)}, found {unknown[0]!r}")
        if not self.methods or not self.trade_offs or not self.floors:
            raise ValueError("expected at least one method, trade-off and floor")
        if not all(0.0 < trade_off <= 1.0 for trade_off in self.trade_offs):
            raise ValueError(f"trade_offs: expected more than 0 and at most 1, found {self.trade_offs}")
        if not all(0.0 <= floor <= 1.0 for floor in self.floors):
            raise ValueError(f"floors: expected 0 to 1, found {self.floors}")
        if self.candidates < SCREEN or not 0.0 <= self.max_loss < 1.0 or self.max_viewers < 1:
            raise ValueError(f"expected at least {SCREEN} candidates, 0 <= max_loss < 1 and some viewers")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> FrontierConfig:
        """From a protocol file. Raises HomeError."""
        return declared(cls, given, "diversity")


@dataclass(frozen=True)
class Point:
    """One way of making a list."""

    method: str
    trade_off: float
    floor: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.method}-{self.trade_off:.2f}" + (f"-floor-{self.floor:.2f}" if self.floor else "")

    @property
    def family(self) -> str:
        return self.method + (f", floor {self.floor:g}" if self.floor else "")


def points(config: FrontierConfig) -> Iterator[Point]:
    """The points of every curve, most relevant first."""
    for method in config.methods:
        for floor in config.floors:
            for trade_off in sorted(config.trade_offs, reverse=True):
                yield Point(method, trade_off, floor)


def choose(runs: Sequence[Run], config: FrontierConfig) -> Point | None:
    """Choose on validation alone: of points that lose at most `max_loss` of NDCG, the one with the best smallest gain.

    The loss is averaged per viewer over seeds, plus one standard error over viewers, so that the bound also holds on
    other watches. None when no such point gains anything.
    """
    best, best_gain = None, 0.0
    base = _validation(runs, RELEVANCE)
    for point in points(config):
        figures = _validation(runs, point.name)
        lost_B = np.mean([run.per_unit[LOSS] for run in runs if run.model == point.name], axis=0)
        loss = lost_B.mean() + lost_B.std() / np.sqrt(len(lost_B))
        gain = min(figures[figure] / max(base[figure], 1e-12) - 1.0 for figure in GAINS)
        if loss <= config.max_loss and gain > best_gain:
            best, best_gain = point, float(gain)
    return best


def curves(runs: Sequence[Run], config: FrontierConfig) -> list[dict[str, Any]]:
    """A row per point of a curve, means over seeds: of the test question, and of validation as `validation`."""
    rows = []
    for point in (Point(RELEVANCE, 1.0), *points(config)):
        name = RELEVANCE if point.method == RELEVANCE else point.name
        means = _over_seeds([run.figures for run in runs if run.model == name])
        labels = {"name": name, "family": point.family, "trade_off": point.trade_off}
        rows.append({**labels, **means, "validation": _validation(runs, name)})
    return rows


def _validation(runs: Sequence[Run], name: str) -> Figures:
    """The figures of the validation question: means over seeds."""
    return _over_seeds([run.settings["validation"] for run in runs if run.model == name])


def _over_seeds(figures: Sequence[Mapping[str, Any]]) -> Figures:
    return {name: float(np.mean([one_seed[name] for one_seed in figures])) for name in figures[0]}


def summary(runs: Sequence[Run], chosen: Point | None) -> list[dict[str, Any]]:
    """Relevance only and the choice on the test question, with the relative change."""
    rows = []
    for name in (RELEVANCE, *((chosen.name,) if chosen else ())):
        figures = [run.figures for run in runs if run.model == name]
        rows.append({"model": name, "seeds": len(figures), **_over_seeds(figures)})
    if chosen:
        before, after = rows
        rows.append(
            {
                "model": "relative change",
                "seeds": after["seeds"],
                **{figure: after[figure] / before[figure] - 1.0 if before[figure] else None for figure in figures[0]},
            }
        )
    return rows
