"""Serving reads what training learned from; a feature that differs is named, and how much is said as a share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.home import Home
from feature_repo.lake.history import historical_features
from training.release import skew
from training.release.skew import feature_skew


def test_a_world_whose_features_were_just_built_has_no_skew(own_world: Path) -> None:
    found = feature_skew(Home(own_world), pairs=50)
    assert found.pairs > 25
    assert (found.share, found.features) == (0.0, ())


def test_a_feature_that_differs_is_named(own_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(*arguments: Any) -> dict[str, Any]:
        columns = historical_features(*arguments)
        return {**columns, "video_like_rate_7d": columns["video_like_rate_7d"] + 0.5}

    monkeypatch.setattr(skew, "historical_features", shifted)
    found = feature_skew(Home(own_world), pairs=50)
    assert found.features == ("video_like_rate_7d",)
    assert 0.0 < found.share < 0.1  # all values of one feature of many
