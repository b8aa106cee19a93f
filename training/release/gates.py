"""The gates that a release must pass to serve: each has a figure, a bar and what it guards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from feature_repo.compute.past import PAST
from feature_repo.core.settings import Section
from models.release.artifact import Release
from training.release.comparison import Comparison, NewVideos, auc_error
from training.release.skew import Skew

CANDIDATES = 500  # of a request
REFERENCE_MS = 2.9  # of `_work` with one thread, on a quiet core of the server that these bars were set on
_WORK_IN, _WORK_BY = np.ones((500, 512), dtype=np.float32), np.ones((512, 512), dtype=np.float32)
_WORK_OVER = np.ones((500, 2048), dtype=np.float32)
ACCURACY, CHAMPION, DIVERSITY = "accuracy", "against the champion", "diversity"
COLD_START, CALIBRATION, LATENCY, SKEW = "cold start", "calibration", "latency", "skew"
SIMPLE = ("popularity", "popularity_7d")


@dataclass(frozen=True)
class Bars:
    """The bars that are fixed numbers; the others are the figures of other models."""

    max_rank_ms: float = 10.0  # to score one request's candidates
    max_calibration_error: float = 0.1
    max_skew: float = 0.01  # share of the values; events that arrive while a release is made may move some
    kept_coverage: float = 0.9  # of the champion's


GATES = Section("gates", Bars, "marquee promote")


@dataclass(frozen=True)
class Gate:
    """A bar that a figure must reach: `value` at least (or at most) `bar`."""

    gate: str
    kind: str  # what it guards
    value: float
    bar: float
    at_least: bool
    passed: bool

    def __str__(self) -> str:
        return f"{self.gate}: {self.value:.4f}, expected {'at least' if self.at_least else 'at most'} {self.bar:.4f}"


@dataclass(frozen=True)
class Measured:
    """What is measured for the gates only, beyond the evaluation. None where there is nothing to measure."""

    comparison: Comparison | None = None  # None: no champion yet, or this release is the champion
    new_videos: NewVideos | None = None
    skew: Skew | None = None


def gates(release: Release, measured: Measured = Measured(), bars: Bars = Bars()) -> list[Gate]:
    """Every gate with its value and its bar.

    The bar of an accuracy gate is the figure of the best simple alternative. Bars estimated from clicks or viewers are
    lowered by one standard error: negligible after a week of a real service, but it keeps a world with a few hundred
    clicks from deciding by luck.
    """
    figures = release.manifest.metrics
    retrieval, ranking = figures["retrieval"], figures["ranking"]
    tower, ranker, order = retrieval["two_tower"], ranking["ranker"], ranking["retrieval_order"]

    def simple(figure: str) -> float:
        return max(float(retrieval[name][figure]) for name in SIMPLE if name in retrieval)

    return [
        _least("two_tower recall_at_50 beats popularity", ACCURACY, tower["recall_at_50"], simple("recall_at_50")),
        _least("two_tower ndcg_at_10 beats popularity", ACCURACY, tower["ndcg_at_10"], simple("ndcg_at_10")),
        *(
            _least(
                f"ranker {name} beats retrieval order",
                ACCURACY,
                ranker[name],
                order[name] - auc_error(order[name], order["clicks"]),
            )
            for name in ("auc", "gauc")
        ),
        _least("two_tower coverage_at_10", DIVERSITY, tower["coverage_at_10"], simple("coverage_at_10")),
        _most("ranker calibration error", CALIBRATION, ranker["ece"], bars.max_calibration_error),
        _most(f"ranker ms for {CANDIDATES} candidates", LATENCY, rank_milliseconds(release), bars.max_rank_ms),
        *_cold_start(measured.new_videos),
        *_skew(measured.skew, bars.max_skew),
        *_beside_the_champion(measured.comparison, bars.kept_coverage),
    ]


def _cold_start(new: NewVideos | None) -> list[Gate]:
    if new is None:
        return []
    chance = max(new.chance, new.popularity)
    error = float(np.sqrt(chance * (1.0 - chance) / new.viewers))
    name = "two_tower recall_at_50 of new videos beats popularity and chance"
    return [_least(name, COLD_START, new.recall, max(chance - error, 0.0))]


def _skew(skew: Skew | None, most: float) -> list[Gate]:
    if skew is None:
        return []
    return [_most("features that serving reads otherwise than training", SKEW, skew.share, most)]


def _beside_the_champion(comparison: Comparison | None, kept_coverage: float) -> list[Gate]:
    """At most one standard error below the champion; coverage may be a tenth lower."""
    found = []
    for beside in comparison.figures if comparison else ():
        if "coverage" in beside.figure:
            bar, kind = kept_coverage * beside.champions, DIVERSITY
        else:
            bar, kind = beside.champions - beside.error, CHAMPION
        found.append(_least(f"{beside.figure} holds the champion's", kind, beside.ours, bar))
    return found


def rank_milliseconds(release: Release, repeats: int = 30) -> float:
    """Processor time of encoding and scoring one request's candidates, on a core that needs REFERENCE_MS for `_work`.

    The two are timed alternately and their lower quartiles compared, so that a busy or slow machine fails no release.
    """
    encoding = release.ranker.encoding
    rng = np.random.default_rng(0)  # distinct candidates: equal ones would all take the same path through the trees
    columns = {name: rng.lognormal(0.0, 2.0, CANDIDATES).astype(np.float32) for name in encoding.numbers}
    unknown = {name: np.full(CANDIDATES, "", dtype=object) for name in encoding.categories}
    if encoding.videos:
        some = np.resize(np.array(encoding.videos.values, dtype=object), CANDIDATES)
        past = {"past_video_ids": some[:PAST], "past_ages": np.ones(PAST), "past_fractions": np.ones(PAST)}
        unknown |= {name: np.broadcast_to(column, (CANDIDATES, PAST)) for name, column in past.items()}
        unknown["video_id"] = some
    ours, reference = [], []
    with threadpool_limits(1):  # as in serving; threads that wait for each other would be counted as work
        for _ in range(repeats):
            reference.append(_processor_seconds(_work))
            ours.append(_processor_seconds(lambda: release.ranker.score({**columns, **unknown})))
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


def _least(name: str, kind: str, value: float, bar: float) -> Gate:
    return Gate(name, kind, float(value), float(bar), at_least=True, passed=bool(value >= bar))


def _most(name: str, kind: str, value: float, bar: float) -> Gate:
    return Gate(name, kind, float(value), float(bar), at_least=False, passed=bool(value <= bar))
