"""The step of `marquee features`: what makes it run again, and what happens before its inputs are read."""

from pathlib import Path

import pytest
from worlds.toy import toy_home

from feature_repo.core.home import Home
from feature_repo.core.steps import Making
from feature_repo.jobs.features_step import FEATURES
from feature_repo.stream import flush


def test_the_store_counts_by_its_address_without_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making = Making(toy_home(tmp_path))
    stores = []
    for url in ("redis://:first@store:6379/0", "redis://:second@store:6379/0", "redis://:second@other:6379/0"):
        monkeypatch.setenv("REDIS_URL", url)
        stores.append(FEATURES.settings(making)["store"])
    assert stores == ["store:6379/0", "store:6379/0", "other:6379/0"]


def test_the_log_is_flushed_before_the_inputs_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[tuple[Home, str]] = []
    monkeypatch.setenv("REDIS_URL", "redis://store:6379/0")
    monkeypatch.setattr(flush, "flush", lambda home, url: flushed.append((home, url)))
    home = toy_home(tmp_path)
    with FEATURES.within(Making(home)):
        assert flushed == [(home, "redis://store:6379/0")]


def test_a_changed_lake_is_a_changed_input(tmp_path: Path) -> None:
    making = Making(toy_home(tmp_path))
    before = FEATURES.inputs(making)
    (making.home.lake / "videos.parquet").write_bytes(b"other")
    after = FEATURES.inputs(making)
    assert {name for name in after if after[name] != before[name]} == {"lake"}
