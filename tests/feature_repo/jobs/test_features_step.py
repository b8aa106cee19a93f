"""The step of `marquee features`: what makes it run again, and what happens before its inputs are read."""

from pathlib import Path

import pyarrow as pa
import pytest
from worlds.toy import events, toy_home

from feature_repo.core.home import Home
from feature_repo.core.steps import StepContext
from feature_repo.jobs.features_step import FEATURES
from feature_repo.lake.cut import take_cut
from feature_repo.lake.tables import Lake
from feature_repo.lake.taken import Taken
from feature_repo.stream import flush


def test_the_store_counts_by_its_address_without_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = StepContext(toy_home(tmp_path))
    stores = []
    for url in ("redis://:first@store:6379/0", "redis://:second@store:6379/0", "redis://:second@other:6379/0"):
        monkeypatch.setenv("REDIS_URL", url)
        stores.append(FEATURES.settings(context)["store"])
    assert stores == ["store:6379/0", "store:6379/0", "other:6379/0"]


def test_the_log_is_flushed_before_the_inputs_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[tuple[Home, str]] = []
    monkeypatch.setenv("REDIS_URL", "redis://store:6379/0")

    def flushing(home: Home, url: str) -> dict[str, dict[str, str]]:
        flushed.append((home, url))
        return {"watch-events": {"0": "7-0"}}

    monkeypatch.setattr(flush, "flush", flushing)
    home = toy_home(tmp_path)
    with FEATURES.within(StepContext(home)):
        assert flushed == [(home, "redis://store:6379/0")]
        taken = Taken.of(home.cut)
        assert taken is not None
        assert taken.until == {"watch-events": {"0": "7-0"}}


def test_a_changed_lake_is_a_changed_input(tmp_path: Path) -> None:
    context = StepContext(toy_home(tmp_path))
    take_cut(context.home)
    before = FEATURES.inputs(context)
    Lake(context.home).append_events(pa.Table.from_pylist([events()[0] | {"event_id": "live"}]), "live")
    assert FEATURES.inputs(context) == before  # what was cut stays as it is
    assert FEATURES.redo(context, {}) == "lake changed"
    take_cut(context.home)
    assert FEATURES.redo(context, {}) == ""
    after = FEATURES.inputs(context)
    assert {name for name in after if after[name] != before[name]} == {"lake"}
