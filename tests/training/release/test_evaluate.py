"""An evaluation needs every model; a protocol says what is judged, and a wrong one is refused before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from training.data.dataset import RankingRows
from training.judge.protocols import ranking
from training.release import evaluate as module
from training.release.evaluate import evaluate, evaluate_protocol


def protocol(folder: Path, text: str) -> str:
    file = folder / "own.toml"
    file.write_text(text)
    return str(file)


def test_without_models_the_command_that_trains_them_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"no two_tower model at .*: run `marquee train` first"):
        evaluate(Home(tmp_path))


@pytest.mark.parametrize(
    ("kind", "models", "complaint"),
    [
        ("tasting", None, "expected the kind retrieval, ranking or sources, found 'tasting'"),
        ("ranking", ["ease"], "models can be chosen where the kind is retrieval; it is ranking"),
    ],
)
def test_a_protocol_that_does_not_fit_is_refused(
    tmp_path: Path, kind: str, models: list[str] | None, complaint: str
) -> None:
    file = protocol(tmp_path, f'name = "own"\nkind = "{kind}"\n')
    with pytest.raises(HomeError, match=complaint):
        evaluate_protocol(Home(tmp_path), file, "marquee evaluate", models=models)


def test_seeds_of_the_command_line_replace_those_of_the_file_and_the_result_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    recorded: list[Any] = []

    def run_ranking(home: Home, declared: dict[str, Any], *rest: Any) -> str:
        asked.append(declared["seeds"])
        return "results"

    monkeypatch.setattr(ranking, "run_ranking", run_ranking)
    monkeypatch.setattr(module, "record", lambda home, results: recorded.append(results))
    file = protocol(tmp_path, 'name = "own"\nkind = "ranking"\nseeds = [1, 2]\n')
    evaluate_protocol(Home(tmp_path), file, "marquee evaluate")
    evaluate_protocol(Home(tmp_path), file, "marquee evaluate", seeds=(7,))
    assert (asked, recorded) == ([[1, 2], [7]], ["results", "results"])


def test_what_is_no_probability_has_no_calibration() -> None:
    """Four exposures of one viewer: of the four pairs of a click and a non-click, three are ordered right."""
    labels = {"click": np.array([1.0, 0.0, 1.0, 0.0])}
    viewers = np.array(["u"] * 4, dtype=object)
    zeros = np.zeros(4)
    rows = RankingRows({}, labels, viewers, viewers, viewers, zeros, zeros, zeros)
    figures = module._click_figures(rows, np.array([4.0, 3.0, 2.0, 1.0]), probability=False)
    assert (figures["clicks"], figures["auc"], figures["gauc"]) == (2.0, 0.75, 0.75)
    assert (figures["log_loss"], figures["ece"]) == (None, None)
    assert module._click_figures(rows, np.array([0.9, 0.1, 0.9, 0.1]), probability=True)["ece"] == pytest.approx(0.1)
