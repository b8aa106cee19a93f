"""A classifier tells two clouds of vectors apart, or it does not."""

from pathlib import Path

import numpy as np
import pytest

from monitoring.measures.embedding_drift import TooFew, embedding_drift


def vectors(seed: int, shift: float = 0.0, rows: int = 1_500) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 0.1, (rows, 16)).astype(np.float32)


def test_two_samples_of_one_cloud_of_vectors_are_quiet(tmp_path: Path) -> None:
    found = embedding_drift("user", vectors(1), vectors(2), tmp_path / "embeddings.html")
    assert abs(found.auc - 0.5) < 0.05
    assert not found.alarm
    assert (found.reference_rows, found.current_rows) == (1_500, 1_500)
    assert (tmp_path / "embeddings.html").stat().st_size > 100_000


def test_a_small_shift_of_every_dimension_alarms() -> None:
    found = embedding_drift("user", vectors(1), vectors(2, shift=0.02))
    assert found.auc > 0.65
    assert found.alarm


def test_the_bar_rises_for_few_vectors_so_that_chance_does_not_alarm() -> None:
    alarms = [embedding_drift("video", vectors(s, rows=200), vectors(s + 100, rows=40)) for s in range(3)]
    assert all(found.bar > 0.6 for found in alarms)
    assert not any(found.alarm for found in alarms)


def test_too_few_vectors_are_refused_by_name() -> None:
    with pytest.raises(TooFew, match="video: expected at least 30"):
        embedding_drift("video", vectors(1), vectors(2, rows=10))
