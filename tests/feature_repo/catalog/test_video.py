"""A video as it is stated and filled in."""

from __future__ import annotations

import pytest

from feature_repo.catalog import video
from feature_repo.catalog.video import replaced, stated
from feature_repo.registry import VIDEO_COLUMNS


def test_a_column_that_a_team_registered_has_its_default_or_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "VIDEO_COLUMNS", (*VIDEO_COLUMNS, "is_original"))
    monkeypatch.setattr(video, "default_of", {"is_original": 7}.__getitem__)
    film, faults = stated({"video_id": "v1", "title": "Paper Orbit", "duration_seconds": 60}, whole=True)
    assert faults == []
    put = replaced(None, film, now_us=5)
    assert put["is_original"] == 7
    assert set(put) == {*VIDEO_COLUMNS, "is_original"}
    assert replaced({**put, "is_original": 1}, film, now_us=6)["is_original"] == 1
