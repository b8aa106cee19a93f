"""The gates that a release must pass to serve: each compares a figure with a bar."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from feature_repo.compute.columns import Shared
from feature_repo.compute.past import PAST
from feature_repo.core.settings import Section
from feature_repo.registry import side_of
from models.release.artifact import Release
from models.retrieval.index_facts import IndexFacts
from training.release.comparison import Comparison, NewVideos, auc_error
from training.release.skew import Skew

CANDIDATES = 500  # of a request
REFERENCE_MS = 2.9  # of `_work` with one thread, on a quiet core of the server that these bars were set on
_WORK_IN, _WORK_BY = np.ones((500, 512), dtype=np.float32), np.ones((512, 512), dtype=np.float32)
_WORK_OVER = np.ones((500, 2048), dtype=np.float32)
ACCURACY, CHAMPION, DIVERSITY = "accuracy", "against the champion", "diversity"
COLD_START, CALIBRATION, LATENCY, SKEW, INDEX = "cold start", "calibration", "latency", "skew", "index"
KINDS = (ACCURACY, CHAMPION, DIVERSITY, COLD_START, CALIBRATION, LATENCY, SKEW, INDEX)  # in the order of a page
SIMPLE = ("popularity", "popularity_7d")
NO_DATA = "the test window holds no data for it"
TOO_LITTLE = "too little data: no figure could fail it"

RECALL, NDCG = "two_tower recall_at_50 beats popularity", "two_tower ndcg_at_10 beats popularity"
AUC, GAUC = "ranker auc beats retrieval order", "ranker gauc beats retrieval order"
COVERAGE, CALIBRATION_ERROR = "two_tower coverage_at_10", "ranker calibration error"
RANK_MS = f"ranker ms for {CANDIDATES} candidates"
INDEX_RECALL = "index finds what an exact search finds"
NEW_VIDEOS = "two_tower recall_at_50 of new videos beats popularity and chance"
SKEWED = "features that serving reads otherwise than training"
HOLDS = "holds the champion's"
COMPARED = (
    "two_tower ndcg_at_10",
    "two_tower recall_at_50",
    "two_tower coverage_at_10",
    "ranker auc",
    "ranker gauc",
)  # figures of training.release.comparison
CHAMPIONS = tuple(f"{figure} {HOLDS}" for figure in COMPARED)
NAMES = (RECALL, NDCG, AUC, GAUC, COVERAGE, CALIBRATION_ERROR, RANK_MS, INDEX_RECALL, NEW_VIDEOS, SKEWED, *CHAMPIONS)
KINDS = (ACCURACY, CHAMPION, DIVERSITY, COLD_START, CALIBRATION, LATENCY, SKEW, INDEX)


@dataclass(frozen=True)
class Bars:
    """The bars that are fixed numbers; the others are the figures of other models."""

    max_rank_ms: float = 10.0  # to score one request's candidates
    max_calibration_error: float = 0.1
    least_index_recall: float = 0.9  # of the 100 nearest videos, with and without a filter
    max_skew: float = 0.01  # share of the values; events that arrive meanwhile may change some
    kept_coverage: float = 0.9  # of the champion's


GATES = Section("gates", Bars, "marquee promote")


@dataclass(frozen=True)
class Gate:
    """A bar that a figure must reach: `value` at least (or at most) `bar`.

    Without data for the figure or its bar, the gate is not measured and has not passed: promotion then needs --accept,
    unless the gate is not `required` because many worlds lack such data.
    """

    gate: str
    kind: str  # what it guards
    value: float | None  # None: not measured
    bar: float | None
    at_least: bool
    passed: bool
    measured: bool = True
    required: bool = True
    why: str = ""  # it was not measured

    def __str__(self) -> str:
        if not self.measured:
            return f"{self.gate}: not measured ({self.why})"
        return f"{self.gate}: {self.value:.4f}, expected {'at least' if self.at_least else 'at most'} {self.bar:.4f}"

    def stops(self, accepted: Collection[str] = ()) -> bool:
        """Whether it blocks promotion. `accepted`: gates, or kinds of gates, that may go unmeasured."""
        if self.measured:
            return not self.passed
        return self.required and not {self.gate, self.kind} & set(accepted)


@dataclass(frozen=True)
class Measured:
    """Measurements for the gates beyond the evaluation. None: could not be measured."""

    comparison: Comparison | None = None  # None: no champion yet, or this release is the champion
    new_videos: NewVideos | None = None
    skew: Skew | None = None  # None: not asked for
    index: IndexFacts | None = None


def gates(release: Release, measured: Measured = Measured(), bars: Bars = Bars()) -> list[Gate]:
    """Every gate with its value and its bar.

    The bar of an accuracy gate is the figure of the best simple alternative. Bars estimated from clicks or viewers are
    lowered by one standard error: negligible after a week of a real service, but it keeps a world with a few hundred
    clicks from deciding by luck.
    """
    figures = release.manifest.metrics

    def figure(table: str, row: str, name: str) -> float:
        value = figures.get(table, {}).get(row, {}).get(name)
        return math.nan if value is None else float(value)

    def simple(name: str) -> float:
        there = [row for row in SIMPLE if row in figures.get("retrieval", {})]
        return max((figure("retrieval", row, name) for row in there), default=math.nan)

    def retrieval_order(name: str) -> float:
        area, clicks = (figure("ranking", "retrieval_order", one) for one in (name, "clicks"))
        return area - auc_error(area, clicks)

    tower = partial(figure, "retrieval", "two_tower")
    ranker = partial(figure, "ranking", "ranker")
    return [
        _least(RECALL, ACCURACY, tower("recall_at_50"), simple("recall_at_50")),
        _least(NDCG, ACCURACY, tower("ndcg_at_10"), simple("ndcg_at_10")),
        _least(AUC, ACCURACY, ranker("auc"), retrieval_order("auc"), lowered=True),
        _least(GAUC, ACCURACY, ranker("gauc"), retrieval_order("gauc"), lowered=True),
        _least(COVERAGE, DIVERSITY, tower("coverage_at_10"), simple("coverage_at_10")),
        _most(CALIBRATION_ERROR, CALIBRATION, ranker("ece"), bars.max_calibration_error),
        _most(RANK_MS, LATENCY, rank_milliseconds(release), bars.max_rank_ms),
        _index(measured.index, bars.least_index_recall),
        _cold_start(measured.new_videos),
        _skew(measured.skew, bars.max_skew),
        *_beside_the_champion(measured.comparison, bars.kept_coverage),
    ]


def _index(facts: IndexFacts | None, least: float) -> Gate:
    if facts is None or facts.recall is None or facts.filtered_recall is None:
        return _unmeasured(INDEX_RECALL, INDEX, "nobody watched anything in the test window", required=False)
    return _least(INDEX_RECALL, INDEX, min(facts.recall, facts.filtered_recall), least)


def _cold_start(new: NewVideos | None) -> Gate:
    if new is None:
        return _unmeasured(NEW_VIDEOS, COLD_START, "nobody watched a new video in the test window", required=False)
    chance = max(new.chance, new.popularity)
    error = float(np.sqrt(chance * (1.0 - chance) / max(new.viewers, 1)))
    return replace(_least(NEW_VIDEOS, COLD_START, new.recall, chance - error, lowered=True), required=False)


def _skew(skew: Skew | None, most: float) -> Gate:
    if skew is None or not skew.pairs:
        return _unmeasured(SKEWED, SKEW, "no viewer's features are as old as the feature tables")
    return _most(SKEWED, SKEW, skew.share, most)


def _beside_the_champion(comparison: Comparison | None, kept_coverage: float) -> list[Gate]:
    """At most one standard error below the champion; coverage may be a tenth lower."""
    if comparison is None:
        return []
    beside = {f"{one.figure} {HOLDS}": one for one in comparison.figures}
    found = []
    for name in CHAMPIONS:
        kind = DIVERSITY if "coverage" in name else CHAMPION
        if (one := beside.get(name)) is None:
            why = comparison.why_not or "it was not compared"
            found.append(_unmeasured(name, kind, f"beside {comparison.champion}: {why}"))
            continue
        bar = kept_coverage * one.champions if kind == DIVERSITY else one.champions - one.error
        found.append(_least(name, kind, one.ours, bar, lowered=one.error > 0.0))
    return found


def rank_milliseconds(release: Release, repeats: int = 30) -> float:
    """Processor time of encoding and scoring one request's candidates, on a core that needs REFERENCE_MS for `_work`.

    The two are timed alternately and their lower quartiles compared, so that a busy or slow machine fails no release.
    """
    encoding = release.ranker.encoding
    rng = np.random.default_rng(0)  # distinct candidates: equal ones would all take the same path through the trees
    columns: dict[str, Any] = {
        name: rng.lognormal(0.0, 2.0, CANDIDATES).astype(np.float32) for name in encoding.numbers
    }
    columns |= {name: np.full(CANDIDATES, "", dtype=object) for name in encoding.categories}
    if encoding.videos:
        some = np.resize(np.array(encoding.videos.values, dtype=object), CANDIDATES)
        past = {"past_video_ids": some[:PAST], "past_ages": np.ones(PAST), "past_fractions": np.ones(PAST)}
        columns |= {name: np.broadcast_to(column, (CANDIDATES, PAST)) for name, column in past.items()}
        columns["video_id"] = some
    of_request = [name for name in columns if side_of(name) == "request"]
    columns |= {name: Shared(columns[name][:1], CANDIDATES) for name in of_request}
    ours, reference = [], []
    with threadpool_limits(1):  # as in serving; threads that wait for each other would be counted as work
        for _ in range(repeats):
            reference.append(_processor_seconds(_work))
            ours.append(_processor_seconds(lambda: release.ranker.score(columns)))
    return float(np.quantile(ours, 0.25) / np.quantile(reference, 0.25)) * REFERENCE_MS


def _work() -> None:
    """A fixed load of multiplication and memory access, similar to a network's."""
    product = _WORK_IN @ _WORK_BY
    np.maximum(_WORK_OVER * _WORK_OVER + product.mean(), 0.0).sum()


def _processor_seconds(call: Callable[[], Any]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def flat(metrics: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, float]:
    """table.row.figure -> value, without figures that have no value."""
    return {
        f"{table}.{row}.{name}": float(value)
        for table, rows in metrics.items()
        for row, figures in rows.items()
        for name, value in figures.items()
        if value is not None
    }


def _least(name: str, kind: str, value: float, bar: float, lowered: bool = False) -> Gate:
    """`lowered`: by a standard error, which may leave a bar that nothing could fail."""
    if not (math.isfinite(value) and math.isfinite(bar)):
        return _unmeasured(name, kind, NO_DATA)
    if bar <= 0.0 and (lowered or value <= 0.0):
        return _unmeasured(name, kind, TOO_LITTLE)
    return Gate(name, kind, float(value), float(bar), at_least=True, passed=bool(value >= bar))


def _most(name: str, kind: str, value: float, bar: float) -> Gate:
    if not math.isfinite(value):
        return _unmeasured(name, kind, NO_DATA, at_least=False)
    return Gate(name, kind, float(value), float(bar), at_least=False, passed=bool(value <= bar))


def _unmeasured(name: str, kind: str, why: str, required: bool = True, at_least: bool = True) -> Gate:
    return Gate(name, kind, None, None, at_least, passed=False, measured=False, required=required, why=why)
