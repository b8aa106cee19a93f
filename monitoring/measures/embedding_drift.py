"""Embedding drift: can a classifier tell the vectors of two populations apart?

The score is the AUC of a linear domain classifier on held-out rows (Evidently's ModelDriftMethod): .5 means equal
distributions, 1 fully separable ones. Cosine distance raises false alarms for vectors around zero, and MMD misses real
shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from feature_repo.core.errors import HomeError
from monitoring.measures.evidently import DataDefinition, EmbeddingsDrift, ModelDriftMethod, lt, snapshot

MIN_ROWS = 30


class TooFew(HomeError):
    """Too little data for a comparison; the message says of what."""


@dataclass(frozen=True)
class EmbeddingDrift:
    auc: float
    bar: float
    reference_rows: int
    current_rows: int

    @property
    def alarm(self) -> bool:
        return self.auc >= self.bar


def embedding_drift(
    name: str,
    reference_ND: np.ndarray[Any, Any],
    current_MD: np.ndarray[Any, Any],
    path: Path | None = None,
    bar: float = 0.55,
) -> EmbeddingDrift:
    """Compare two samples of vectors. The bar rises for small samples, so that noise does not raise an alarm.

    The rows must be independent: the same user in both samples would hide drift. Raises TooFew.
    """
    rows = len(reference_ND), len(current_MD)
    if min(rows) < MIN_ROWS:
        raise TooFew(f"{name}: expected at least {MIN_ROWS} vectors on each side, found {rows[0]} and {rows[1]}")
    bar = max(bar, 0.5 + 3 * _auc_deviation(rows[0] // 2, rows[1] // 2))
    center, spread = reference_ND.mean(axis=0), reference_ND.std(axis=0) + 1e-6
    columns = [f"{name}_{dimension}" for dimension in range(reference_ND.shape[1])]
    reference, current = (pd.DataFrame((x - center) / spread, columns=columns) for x in (reference_ND, current_MD))
    method = ModelDriftMethod(threshold=bar)
    auc, _, _ = method(current.copy(), reference.copy())  # it modifies its inputs
    if path is not None:  # the page computes a t-SNE
        metric = EmbeddingsDrift(embeddings_name=name, drift_method=method, tests=[lt(bar)])
        snapshot([metric], DataDefinition(embeddings={name: columns}), current, reference, path=path)
    return EmbeddingDrift(float(auc), bar, *rows)


def _auc_deviation(positives: int, negatives: int) -> float:
    """Standard deviation of the AUC of a random classifier (Mann-Whitney U without ties) on the held-out half."""
    return sqrt((positives + negatives + 1) / (12 * positives * negatives))
