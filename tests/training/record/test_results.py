"""Results on figures small enough to average by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.revision import git_revision
from training.record.results import Results, Run, RunStore, fingerprint, paired_bootstrap, record

REVISION = "0123456789ab"


def results(*runs: Run) -> Results:
    return Results("toy", "who watches what", "marquee evaluate --protocol toy", "d" * 64, REVISION, "floor", runs)


def run(model: str, seed: int | None, *hits: float, seconds: float = 1.0) -> Run:
    return Run(model, seed, {"hit": float(np.mean(hits))}, {"hit": np.array(hits)}, {}, seconds, REVISION)


THREE = (run("floor", None, 0.0, 0.0, 1.0, 0.0), run("ours", 0, 1.0, 0.0, 1.0, 1.0), run("ours", 1, 0.0, 0.0, 1.0, 1.0))


def test_a_row_holds_mean_and_spread_over_seeds_and_the_difference_to_the_reference() -> None:
    floor, ours = results(*THREE).table()
    assert (floor["hit"], floor["hit_sd"], floor["seeds"]) == (0.25, None, 1)
    assert "hit_difference" not in floor
    assert ours["hit"] == pytest.approx(0.625)
    assert ours["hit_sd"] == pytest.approx(np.std([0.75, 0.5], ddof=1))
    assert ours["hit_difference"] == pytest.approx(0.375)  # of the mean over seeds, viewer by viewer
    assert ours["hit_low"] <= 0.375 <= ours["hit_high"]
    assert ours["hit_se"] == pytest.approx(stats.sem([0.5, 0.0, 1.0, 1.0]))


def test_the_same_viewers_are_drawn_for_both_models() -> None:
    hard = np.random.default_rng(5).random(400)
    difference, low, high = paired_bootstrap(hard + 0.1, hard)
    assert (difference, low, high) == pytest.approx((0.1, 0.1, 0.1))  # however much viewers differ
    assert paired_bootstrap(hard, hard[::-1]) == paired_bootstrap(hard, hard[::-1])


def test_the_interval_agrees_with_scipys_bootstrap() -> None:
    rng = np.random.default_rng(6)
    ours, theirs = rng.random(300), rng.random(300)
    _, low, high = paired_bootstrap(ours, theirs, draws=5000)
    theirs_too = stats.bootstrap((ours - theirs,), np.mean, n_resamples=5000, method="percentile", rng=rng)
    assert (low, high) == pytest.approx(tuple(theirs_too.confidence_interval), abs=0.004)


def test_a_viewer_without_a_value_is_left_out_of_a_difference() -> None:
    difference, low, high = paired_bootstrap(np.array([1.0, np.nan, 1.0]), np.array([0.0, 1.0, np.nan]))
    assert (difference, low, high) == (1.0, 1.0, 1.0)
    assert np.isnan(paired_bootstrap(np.array([np.nan]), np.array([1.0]))).all()


def test_models_asked_about_different_viewers_are_not_compared() -> None:
    with pytest.raises(MarqueeError, match="hit: ours has 1 units, floor 4"):
        results(THREE[0], run("ours", 0, 1.0)).table()


def test_a_kept_run_is_the_run_that_was_made(tmp_path: Path) -> None:
    store = RunStore(Home(tmp_path), "toy", fingerprint(["data", 5]))
    assert store.get("ours", 0) is None
    made = Run("ours", 0, {"hit": 0.5, "auc": None}, {"hit": np.array([0.0, np.nan])}, {"k": 3}, 2.5, REVISION)
    store.put(made)
    kept = store.get("ours", 0)
    assert kept is not None
    assert {**kept.__dict__, "per_unit": None} == {**made.__dict__, "per_unit": None}
    np.testing.assert_array_equal(kept.per_unit["hit"], made.per_unit["hit"])
    assert store.get("ours", 1) is None
    assert store.get("ours", None) is None
    assert RunStore(Home(tmp_path), "toy", fingerprint(["data", 6])).get("ours", 0) is None


def test_a_run_stopped_while_it_was_written_is_not_there(tmp_path: Path) -> None:
    store = RunStore(Home(tmp_path), "toy", "f")
    store.put(THREE[1])
    (store.directory / "ours-0.json").unlink()  # the arrays are written first
    assert store.get("ours", 0) is None


def test_a_fingerprint_follows_content_not_order() -> None:
    assert fingerprint([{"a": 1, "b": 2}]) == fingerprint([{"b": 2, "a": 1}])
    assert fingerprint([{"a": 1}]) != fingerprint([{"a": 2}])


def test_the_record_is_json_a_table_and_a_run_of_mlflow(tmp_path: Path) -> None:
    home = Home(tmp_path)
    said = record(home, results(*THREE))
    kept = json.loads(Path(said["paths"]["json"]).read_text())
    assert kept["data_hash"] == "d" * 64
    assert [entry["seed"] for entry in kept["runs"]] == [None, 0, 1]
    assert kept["runs"][1]["revision"] == REVISION
    lines = Path(said["paths"]["md"]).read_text().splitlines()
    assert lines[-2] == "| floor | 1 | 0.2500 | 1 | 0123456789ab |"
    assert lines[-1].startswith("| ours | 2 | 0.6250 ± 0.1768 [")
    import mlflow

    logged = mlflow.MlflowClient(f"sqlite:///{home.mlflow / 'mlflow.db'}").get_run(said["mlflow_run"]).data
    assert logged.metrics["ours.hit"] == 0.625
    assert logged.tags["data_hash"] == "d" * 64
    assert logged.tags["revision"] == REVISION


def test_results_that_mlflow_was_not_told_of_are_kept_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.mlflow.mkdir()
    (home.mlflow / "mlflow.db").write_bytes(b"SQLite format 3" + bytes(80))
    said = record(home, results(*THREE))
    assert Path(said["paths"]["json"]).exists()
    assert capsys.readouterr().err.startswith("marquee: warning: MLflow was not told: ")


def test_a_table_with_more_figures_than_models_is_turned() -> None:
    wide = results(Run("floor", None, {"a": 0.5, "b": None, "c": 1.0}))
    assert wide.shown()[1:3] == [{"figure": "a", "floor": "0.5000"}, {"figure": "b", "floor": ""}]


def test_the_revision_is_that_of_this_checkout_or_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert git_revision() == "" or len(git_revision().removesuffix("+changes")) == 12
    monkeypatch.setattr("feature_repo.core.revision.ROOT", tmp_path)
    assert git_revision() == ""
