"""A ranking protocol is measured on rows frozen at the test's start, recorded, and not run again."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from worlds.small_protocol import write

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from training.fit.two_tower_config import TwoTowerConfig
from training.judge.protocols.ranking import RankingProtocol, retrieval_before
from training.judge.protocols.reading import read_protocol
from training.record.results import quality_directory
from training.release.evaluate import evaluate_protocol


def windows(home: Home, days_before: int = 0) -> dict[str, str]:
    """The last four days of a home's exposures, or of what was so many days earlier: two train, one chooses, one is
    asked."""
    last_us = int(Lake(home).impressions()["timestamp_us"].to_numpy().max())
    end = datetime.fromtimestamp(last_us / 1e6, UTC) + timedelta(seconds=1) - timedelta(days=days_before)
    moments = {"train_from": 4, "validate_from": 2, "test_from": 1, "test_until": 0}
    return {name: f'"{(end - timedelta(days=days)).isoformat()}"' for name, days in moments.items()}


def test_a_ranking_protocol_is_run_recorded_and_not_run_again(own_world: Path, tmp_path: Path) -> None:
    home = Home(own_world)
    file = write(tmp_path, **windows(home))
    results = evaluate_protocol(home, file, "marquee evaluate --protocol small")
    figures = {run.model: run.figures for run in results.runs}
    assert set(figures) == {"rates", "lightgbm", "network", "trees", "ranker"}
    assert all(0.5 < (own["click_auc"] or 0.0) < 1.0 for own in figures.values())
    assert figures["rates"]["watch_xauc"] is None  # rates say nothing of seconds
    kept = json.loads((quality_directory(home, "small") / "results.json").read_text())
    assert {run["model"] for run in kept["runs"]} == set(figures)
    again = evaluate_protocol(home, file, "again")
    assert {run.model: run.figures for run in again.runs} == figures
    assert {run.cpu_seconds for run in again.runs} == {run.cpu_seconds for run in results.runs}
    for run in again.runs:
        assert {name: values.mean() for name, values in run.per_unit.items()} == pytest.approx(
            {name: value for name, value in run.figures.items() if value is not None and not name.endswith("_ece")},
            abs=1e-9,
        )
    rows = {row["model"]: row for row in again.table()}
    for name in ("click_auc", "long_view_gauc", "click_log_loss", "watch_xauc", "watch_mae"):
        difference = rows["ranker"][name] - rows["lightgbm"][name]
        assert rows["ranker"][f"{name}_difference"] == pytest.approx(difference)
        assert rows["ranker"][f"{name}_low"] < difference < rows["ranker"][f"{name}_high"]
    assert "watch_mae_low" not in rows["rates"]
    assert "click_ece_low" not in rows["ranker"]


def test_an_earlier_test_is_asked_of_a_tower_that_has_not_seen_it(own_world: Path, tmp_path: Path) -> None:
    home, other = Home(own_world), Home(shutil.copytree(own_world, tmp_path / "other", symlinks=True))
    late, early = (
        RankingProtocol.of(read_protocol(write(tmp_path, **windows(home, days_before)))) for days_before in (0, 3)
    )
    config = TwoTowerConfig(**early.two_tower)
    learned = retrieval_before(home, config, late.windows)
    expected = retrieval_before(other, config, early.windows)
    found = retrieval_before(home, config, early.windows)
    assert not np.array_equal(learned.item_vectors, expected.item_vectors)
    np.testing.assert_array_equal(found.item_vectors, expected.item_vectors)


def test_windows_that_a_home_lacks_are_named(own_world: Path, tmp_path: Path) -> None:
    home = Home(own_world)
    with pytest.raises(HomeError, match=r"no exposures from 2022-04-24T16:00:00\+00:00 to 2022-04-27"):
        evaluate_protocol(home, write(tmp_path), "small")
    with pytest.raises(HomeError, match="no exposures from"):  # the day that asks comes after all that the home has
        evaluate_protocol(home, write(tmp_path, **windows(home, days_before=-1)), "small")
    first_us = int(Lake(home).impressions()["timestamp_us"].to_numpy().min())
    first = f'"{datetime.fromtimestamp(first_us / 1e6, UTC).isoformat()}"'
    moments = {**windows(home), "train_from": first}
    with pytest.raises(HomeError, match=r"the two-tower model learns from what was watched before .* found 0 watches"):
        evaluate_protocol(home, write(tmp_path, **moments), "small")
