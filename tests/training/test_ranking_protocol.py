"""A ranking protocol is measured on rows frozen at the test's start, recorded, and not run again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feature_repo.home import Home, HomeError
from feature_repo.lake import Lake
from training.evaluate import evaluate_protocol
from training.results import quality_directory


def write(directory: Path, home: Home, **changed: object) -> str:
    """The last four days of a home's exposures: two train, one chooses, one is asked."""
    last_us = int(Lake(home).impressions()["timestamp_us"].to_numpy().max())
    end = datetime.fromtimestamp(last_us / 1e6, UTC) + timedelta(seconds=1)
    moments = {"train_from": 4, "validate_from": 2, "test_from": 1, "test_until": 0}
    said = {name: (end - timedelta(days=days)).isoformat() for name, days in moments.items()} | changed
    lines = [f'{name} = "{moment}"' for name, moment in said.items()]
    lines += ['name = "small"', 'kind = "ranking"', 'reference = "lightgbm"', 'features = "live"', "seeds = [0]"]
    lines += ["[two_tower]", "epochs = 1", "refit_epochs = 0"]
    lines += ["[ranker]", "max_epochs = 2", "tree_rounds = 10", "[[lightgbm]]", "num_leaves = 7"]
    file = directory / "small.toml"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_a_ranking_protocol_is_run_recorded_and_not_run_again(own_world: Path, tmp_path: Path) -> None:
    home = Home(own_world)
    file = write(tmp_path, home)
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


def test_windows_that_overlap_are_refused(own_world: Path, tmp_path: Path) -> None:
    home = Home(own_world)
    with pytest.raises(HomeError, match="train_from < validate_from"):
        evaluate_protocol(home, write(tmp_path, home, test_from="2001-01-01T00:00:00+00:00"), "small")
