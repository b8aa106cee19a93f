"""The gates a release must pass, and the pointers that say which release serves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from feature_repo.home import Home, HomeError, write_atomic
from models.artifact import (
    CHAMPION,
    PREVIOUS,
    ArtifactError,
    Release,
    load_release,
    pointed_at,
    verify,
)
from training.release import build_release
from training.tracking import CHALLENGER, Tracking

CANDIDATES = 500  # of a request
MAX_RANK_MS = 10.0
MAX_CALIBRATION_ERROR = 0.1


@dataclass(frozen=True)
class Gate:
    """A bar that a figure must reach: `value` at least (or at most) `bar`."""

    gate: str
    value: float
    bar: float
    at_least: bool
    passed: bool


def promote(home: Home, force: bool = False) -> dict[str, Any]:
    """Build the release, hold it against its gates, register it, and make it the champion when all pass.

    `force` promotes although a gate fails; an artifact that cannot be verified is never promoted.
    """
    release = load_release(build_release(home))
    found = gates(release)
    failed = [gate.gate for gate in found if not gate.passed]
    tracking = Tracking(home)
    version = tracking.register_release(
        release.release_id, release.path, _flat(release.manifest["metrics"]), release.manifest["mlflow"]
    )
    promoted = force or not failed
    if promoted:
        _point(home, release.release_id)
        tracking.point({**_pointers(home), CHALLENGER: None})
    return {
        "release_id": release.release_id,
        "promoted": promoted,
        "forced": force and bool(failed),
        "failed": failed,
        "gates": [asdict(gate) for gate in found],
        "mlflow_version": version,
        **_pointers(home),
    }


def rollback(home: Home) -> dict[str, Any]:
    """Let the previous release serve again, after verifying it; what served now becomes the previous one."""
    path = pointed_at(home, PREVIOUS)
    if path is None:
        raise HomeError(f"no previous release at {home.root}: nothing to go back to")
    verify(path)
    _point(home, path.name)
    Tracking(home).point(_pointers(home))
    return {"release_id": path.name, "promoted": True, **_pointers(home)}


def gates(release: Release) -> list[Gate]:
    """Every gate with its value and its bar.

    The bars of accuracy are what the simplest alternative reaches; those of the ranker less one standard error, which
    is small change after a week of a real service and keeps a world of some hundred clicks from deciding by luck.
    """
    figures = release.manifest["metrics"]
    two_tower, popularity = figures["retrieval"]["two_tower"], figures["retrieval"]["popularity"]
    ranker, order = figures["ranking"]["ranker"], figures["ranking"]["retrieval_order"]
    return [
        _at_least("two_tower recall_at_50 beats popularity", two_tower["recall_at_50"], popularity["recall_at_50"]),
        _at_least("two_tower ndcg_at_10 beats popularity", two_tower["ndcg_at_10"], popularity["ndcg_at_10"]),
        _at_least("two_tower coverage_at_10", two_tower["coverage_at_10"], popularity["coverage_at_10"]),
        _at_least("ranker auc beats retrieval order", ranker["auc"], order["auc"] - _auc_error(order, "auc")),
        _at_least("ranker gauc beats retrieval order", ranker["gauc"], order["gauc"] - _auc_error(order, "gauc")),
        _at_most("ranker calibration error", ranker["ece"], MAX_CALIBRATION_ERROR),
        _at_most(f"ranker ms for {CANDIDATES} candidates", rank_milliseconds(release), MAX_RANK_MS),
    ]


def rank_milliseconds(release: Release, repeats: int = 20) -> float:
    """Processor time of encoding and scoring one request's candidates, undisturbed: the least of some repeats."""
    encoding = release.ranker.encoding
    columns = {name: np.zeros(CANDIDATES, dtype=np.float32) for name in encoding.numbers}
    unknown = {name: np.full(CANDIDATES, "", dtype=object) for name in encoding.categories}
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        release.ranker.score({**columns, **unknown})
        seconds.append(time.process_time() - started)
    return min(seconds) * 1000.0


def _auc_error(figures: Mapping[str, float], figure: str) -> float:
    """Standard error of an AUC, at most (Birnbaum & Klose 1957): sqrt(A (1 - A) / the smaller class)."""
    return float(np.sqrt(figures[figure] * (1.0 - figures[figure]) / max(figures["clicks"], 1.0)))


def _at_least(name: str, value: float, bar: float) -> Gate:
    return Gate(name, value, bar, at_least=True, passed=value >= bar)


def _at_most(name: str, value: float, bar: float) -> Gate:
    return Gate(name, value, bar, at_least=False, passed=value <= bar)


def _point(home: Home, release_id: str) -> None:
    """`previous` first: a crash between the two leaves the old champion serving."""
    try:
        current = pointed_at(home, CHAMPION)
    except ArtifactError:  # a pointer that names nothing is no release to go back to
        current = None
    if current is not None and current.name == release_id:
        return
    if current is not None:
        write_atomic(home.releases / PREVIOUS, current.name + "\n")
    write_atomic(home.releases / CHAMPION, release_id + "\n")


def _pointers(home: Home) -> dict[str, str | None]:
    paths = {pointer: pointed_at(home, pointer) for pointer in (CHAMPION, PREVIOUS)}
    return {pointer: path.name if path is not None else None for pointer, path in paths.items()}


def _flat(metrics: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    return {
        f"{table}.{row}.{name}": float(value)
        for table, rows in metrics.items()
        for row, figures in rows.items()
        for name, value in figures.items()
        if value is not None
    }
