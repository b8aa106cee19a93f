"""Feature drift: are the ranker's inputs and scores still distributed as in training?

Per column, the Wasserstein distance between two windows in standard deviations of the reference, which is comparable
across counts, rates and ages; there is an alarm if too large a share of the columns drifted. This is Evidently's
measure, computed here for every column; its page only plots the columns that drifted most, because a plot takes a tenth
of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wasserstein_distance

from feature_repo.core.files import write_atomic
from monitoring.measures.drift_bars import DriftBars
from monitoring.measures.evidently import DataDefinition, ValueDrift, snapshot

Columns = Mapping[str, np.ndarray[Any, Any]]
DRAWN = 16


@dataclass(frozen=True)
class FeatureDrift:
    distances: Mapping[str, float]  # every column, largest first
    drifted: tuple[str, ...]
    share: float
    alarm: bool


def feature_drift(
    reference: Columns, current: Columns, path: Path | None = None, bars: DriftBars = DriftBars()
) -> FeatureDrift:
    """Compare the numeric columns that both windows have, one value per row, without timestamps."""
    names = [name for name in reference if name in current and _is_measure(name, reference[name])]
    if not names:
        raise ValueError("the windows have no numeric column in common")
    windows = [{name: _finite(window[name]) for name in names} for window in (reference, current)]
    measured = {name: _distance(windows[0][name], windows[1][name]) for name in names}
    distances = dict(sorted(measured.items(), key=lambda item: -item[1]))
    if path is not None:
        _draw(list(distances), windows, path, bars)
    drifted = tuple(name for name, distance in distances.items() if distance >= bars.distance)
    share = len(drifted) / len(distances)
    return FeatureDrift(distances, drifted, share, alarm=share >= bars.share)


def _draw(names: list[str], windows: list[dict[str, np.ndarray[Any, Any]]], path: Path, bars: DriftBars) -> None:
    """Plot the first of these columns that have values in both windows; Evidently cannot plot others."""
    full = [name for name in names if all(np.isfinite(window[name]).any() for window in windows)]
    if not full:
        write_atomic(path, "<!doctype html><html lang=en><title>Drift</title><p>No column has values.</html>\n")
        return
    drawn = full[:DRAWN]
    frames = [pd.DataFrame({name: window[name] for name in drawn}) for window in windows]
    metrics = [ValueDrift(column=name, method="wasserstein", threshold=bars.distance) for name in drawn]
    snapshot(metrics, DataDefinition(numerical_columns=drawn), frames[1], frames[0], path=path)


def _distance(reference: np.ndarray[Any, Any], current: np.ndarray[Any, Any]) -> float:
    """The maximum of two distances: between the values, and between the shares of missing values."""
    here, there = reference[~np.isnan(reference)], current[~np.isnan(current)]
    if not len(here) or not len(there):
        return 0.0 if len(here) == len(there) else float("inf")  # one window has no value at all
    lost = abs(float(np.isnan(reference).mean() - np.isnan(current).mean()))
    return max(float(wasserstein_distance(here, there) / max(here.std(), 1e-3)), lost)


def _is_measure(name: str, values: np.ndarray[Any, Any]) -> bool:
    return values.ndim == 1 and values.dtype.kind in "fiub" and not name.endswith("_us")


def _finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    floats = values.astype(np.float64)
    return np.where(np.isfinite(floats), floats, np.nan)
