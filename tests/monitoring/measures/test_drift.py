"""Drift alarms on a planted shift and is quiet on two samples of the same thing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitoring.measures.drift import feature_drift
from monitoring.measures.drift_bars import DriftBars
from monitoring.measures.evidently import DataDefinition, ValueDrift, snapshot

ROWS = 3_000


def window(seed: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "genre_match": random.normal(0.3, 0.2, ROWS) + shift,
        "video_age_days": random.exponential(30.0, ROWS),
        "is_mobile": (random.random(ROWS) < 0.6).astype(np.float32),
        "maturity": np.full(ROWS, 18),
        "published_timestamp_us": random.integers(0, 10**15, ROWS) + seed * 10**15,
        "creator_id": np.array(["c1"] * ROWS, dtype=object),
    }


def test_two_samples_of_one_population_do_not_drift(tmp_path: Path) -> None:
    found = feature_drift(window(1), window(2), tmp_path / "drift.html")
    assert found.drifted == ()
    assert not found.alarm
    assert "<html" in (tmp_path / "drift.html").read_text()[:1000].lower()


def test_a_shifted_column_is_named_first_with_its_distance_in_standard_deviations() -> None:
    found = feature_drift(window(1), window(2, shift=0.2), bars=DriftBars(share=0.25))
    assert found.drifted == ("genre_match",)
    assert next(iter(found.distances)) == "genre_match"
    assert found.distances["genre_match"] == pytest.approx(1.0, abs=0.1)
    assert found.share == 0.25
    assert found.alarm


def test_the_distance_is_the_one_that_evidently_draws() -> None:
    reference, current = window(1), window(2, shift=0.05)
    frames = [pd.DataFrame({"genre_match": w["genre_match"]}) for w in (reference, current)]
    metric = ValueDrift(column="genre_match", method="wasserstein")
    (drawn,) = snapshot([metric], DataDefinition(numerical_columns=["genre_match"]), frames[1], frames[0])
    assert feature_drift(reference, current).distances["genre_match"] == pytest.approx(drawn["value"], rel=1e-2)


def test_a_column_that_lost_its_values_is_infinitely_far() -> None:
    reference, current = window(1), window(2)
    current["video_age_days"] = np.full(ROWS, np.nan)
    found = feature_drift(reference, current)
    assert found.drifted == ("video_age_days",)
    assert found.distances["video_age_days"] == np.inf


@pytest.mark.parametrize("lost", [("reference", "current"), ("current",)])
def test_a_column_without_a_value_is_no_error_and_the_others_are_drawn(tmp_path: Path, lost: tuple[str, ...]) -> None:
    windows = {"reference": window(1), "current": window(2)}
    for name in lost:
        windows[name]["video_age_days"] = np.full(ROWS, np.nan)
    found = feature_drift(windows["reference"], windows["current"], tmp_path / "drift.html")
    assert found.drifted == (() if len(lost) == 2 else ("video_age_days",))
    assert (tmp_path / "drift.html").stat().st_size > 100_000


def test_where_no_column_has_a_value_there_is_a_page_that_says_so(tmp_path: Path) -> None:
    nothing = {"video_age_days": np.full(ROWS, np.nan)}
    assert feature_drift(nothing, nothing, tmp_path / "drift.html").drifted == ()
    assert "No column has values" in (tmp_path / "drift.html").read_text()


def test_a_column_that_becomes_half_empty_drifts() -> None:
    reference, current = window(1), window(2)
    current["video_age_days"][::2] = np.nan
    found = feature_drift(reference, current)
    assert found.drifted == ("video_age_days",)
    assert found.distances["video_age_days"] == pytest.approx(0.5, abs=0.01)


def test_only_measures_that_both_windows_have_are_compared() -> None:
    reference, current = window(1), window(2)
    del current["is_mobile"]
    assert set(feature_drift(reference, current).distances) == {"genre_match", "video_age_days", "maturity"}


def test_windows_without_a_common_number_are_refused() -> None:
    with pytest.raises(ValueError, match="no numeric column in common"):
        feature_drift({"creator_id": np.array(["a"], dtype=object)}, {"creator_id": np.array(["a"], dtype=object)})
