"""The facts on the page of a release, where they are not the feed's: the kept epoch, and how far two lists agree."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from feature_repo.core.home import Home
from monitoring.reports.release_report import _overlap, page_of
from training.record.training_facts import TwoTowerTraining


def listed(*video_ids: str) -> Any:
    return SimpleNamespace(video_ids=video_ids)


def test_the_page_lies_under_the_id_of_its_release(tmp_path: Path) -> None:
    assert page_of(Home(tmp_path), "r-1") == tmp_path / "reports" / "release" / "r-1" / "index.html"


@pytest.mark.parametrize(
    ("training", "epoch"),
    [
        ({"best_epoch": 3, "curve": [{"auc": 0.5}]}, 3),
        ({"curve": [{"auc": 0.5}, {"auc": 0.7}], "metrics": {"auc": 0.7}}, 2),
        ({"curve": [{"auc": 0.5}], "metrics": {"auc": 0.7}}, 0),
        ({}, 0),
    ],
)
def test_the_kept_epoch_is_said_or_that_whose_figures_are_the_models(training: dict[str, Any], epoch: int) -> None:
    assert TwoTowerTraining({}, "time", **training).kept_epoch == epoch


def test_the_overlap_is_a_share_of_the_longer_list() -> None:
    assert _overlap(listed("a", "b"), listed("b", "c", "d", "e")) == 0.25
    assert _overlap(listed("a"), listed("a")) == 1.0
    assert _overlap(listed(), listed()) == 0.0
