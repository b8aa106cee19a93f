"""Feature drift: do the ranker's inputs, and its scores, still look like what it was trained on?

Per column the Wasserstein distance between the two windows in units of the reference's standard deviation, which reads
the same for counts, rates and ages; the data set alarms when too large a share of its columns drifted. It is
Evidently's measure, computed here for every column; its page draws only the columns that moved most, since a drawing
takes a tenth of a second.
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
    distances: Mapping[str, float]  # every column, the farthest first
    drifted: tuple[str, ...]
    share: float
    alarm: bool


def feature_drift(
    reference: Columns, current: Columns, path: Path | None = None, bars: DriftBars = DriftBars()
) -> FeatureDrift:
    """Compare the numeric columns that both windows have, one value per row; moments in time are left out."""
    names = [name for name in reference if name in current and _is_measure(name, reference[name])]
    if not names:
        raise ValueError("no numeric column is in both windows")
    windows = [{name: _finite(window[name]) for name in names} for window in (reference, current)]
    measured = {name: _distance(windows[0][name], windows[1][name]) for name in names}
    distances = dict(sorted(measured.items(), key=lambda item: -item[1]))
    if path is not None:
        _draw(list(distances), windows, path, bars)
    drifted = tuple(name for name, distance in distances.items() if distance >= bars.distance)
    share = len(drifted) / len(distances)
    return FeatureDrift(distances, drifted, share, alarm=share >= bars.share)


def _draw(names: list[str], windows: list[dict[str, np.ndarray[Any, Any]]], path: Path, bars: DriftBars) -> None:
    """The first of these columns that have a value in both windows: Evidently can draw no others."""
    full = [name for name in names if all(np.isfinite(window[name]).any() for window in windows)]
    if not full:
        write_atomic(
            path, "<!doctype html><html lang=en><title>Drift</title><p>There is no column with a value.</html>\n"
        )
        return
    drawn = full[:DRAWN]
    frames = [pd.DataFrame({name: window[name] for name in drawn}) for window in windows]
    metrics = [ValueDrift(column=name, method="wasserstein", threshold=bars.distance) for name in drawn]
    snapshot(metrics, DataDefinition(numerical_columns=drawn), frames[1], frames[0], path=path)


def _distance(reference: np.ndarray[Any, Any], current: np.ndarray[Any, Any]) -> float:
    """The farther of two: of the values that are there, and of the share of rows that have none."""
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
