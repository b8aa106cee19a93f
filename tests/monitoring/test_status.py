"""`marquee status` says what a home holds, from files alone."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from bento_services.health import DISK, PARTS
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home, World
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from feature_repo.lake.cut import take_cut
from feature_repo.lake.tables import Lake
from monitoring.status import status_of


def test_a_world_without_a_release_says_so(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    simulate(home, SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    (home.root / "steps.json").write_text(json.dumps({"simulate": {}, "features": {}}))
    status = status_of(home)
    assert (status["world"], status["champion"], status["online_store"]) == ("simulated", None, "stopped")
    assert (status["counts"]["videos"], status["counts"]["users"]) == (40, 20)
    assert status["steps"] == ["features", "simulate"]
    assert status["ports"] is None
    assert {name for name, part in status["parts"].items() if part["state"] == "down"} == set(PARTS) - {DISK}
    assert status["parts"][DISK]["facts"]["free_bytes"] > 0


def test_rows_that_were_set_aside_and_a_file_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    simulate(home, SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    assert status_of(home)["set_aside"] == []
    folder = next((home.lake / "events").glob("day=*"))
    events = Lake(home).events().slice(0, 1)
    Lake(home).append_events(events.set_column(5, "watch_seconds", pa.array([1e13])), "live-1")
    (folder / "live-2.parquet").write_bytes(b"cut off")
    take_cut(home)
    assert {(one["table"], one["field"], one["rows"]) for one in status_of(home)["set_aside"]} == {
        ("events", "watch_seconds", 1),
        ("events", "file", 1),
    }


def test_keys_that_admit_nobody_are_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write_world(World("w", "simulator", "str", ("Drama",)))
    assert status_of(home)["keys"] is None
    (tmp_path / "keys.json").write_text("[")
    assert "keys.json of the home is no list of keys" in status_of(home)["keys"]


def test_an_empty_home_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee simulate"):
        status_of(Home.open(tmp_path))
