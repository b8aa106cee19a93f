"""A home names its places, and a world its clock and its ids."""

import json
import time
from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.files import FileError
from feature_repo.core.home import Home, World

WORLD = World(name="films", source="movielens", id_type="int", genres=("Drama", "Comedy"), clock_offset_seconds=-3600.0)


def test_a_world_is_read_as_it_was_written(tmp_path: Path) -> None:
    Home(tmp_path).write_world(WORLD)
    assert Home(tmp_path).world() == WORLD


@pytest.mark.parametrize("name", ["back\\slash", "two\nlines", "latin-\udce9"])
def test_a_path_that_stores_and_registries_would_read_as_another_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError, match="printable and without a backslash") as refused:
        Home.open(tmp_path / name)
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


def test_a_path_that_leads_to_no_directory_is_refused_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HomeError, match=r"expected a directory as home, found a file: .*/file$"):
            Home.open(path)
    for path in (tmp_path / "loop", tmp_path / "loop" / "x", Path("~nobody-of-that-name/x")):
        with pytest.raises(HomeError, match="expected a directory as home, found '"):
            Home.open(path)


def test_an_empty_home_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="run `marquee simulate`"):
        Home(tmp_path).world()


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", '{"name": "w"}', '{"name": 3, "source": "s", "id_type": "a"}'])
def test_broken_facts_are_named_with_the_command_that_mends_them(tmp_path: Path, broken: str) -> None:
    (tmp_path / "world.json").write_text(broken)
    with pytest.raises(FileError, match=r"world.json: expected the facts about a world, found something else: .*again"):
        Home(tmp_path).world()


def test_facts_that_another_marquee_wrote_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(json.dumps({**WORLD.to_json(), "later": 1}))
    assert Home(tmp_path).world() == WORLD


def test_the_clock_of_a_recorded_world_is_behind() -> None:
    assert WORLD.now_us() / 1e6 == pytest.approx(time.time() - 3600, abs=5)


def test_ids_are_given_back_as_the_source_wrote_them() -> None:
    assert WORLD.source_id("42") == 42
    assert World(name="x", source="simulator", id_type="str", genres=()).source_id("u1") == "u1"


def test_a_path_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEE_HOME", str(tmp_path / "named"))
    assert Home.open().root == tmp_path / "named"
    assert Home.open(tmp_path / "given").root == tmp_path / "given"
    assert Home.open("relative").root == Path.cwd() / "relative"


def test_a_world_knows_its_first_day_or_learns_it_from_the_lake_that_an_older_marquee_wrote(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for day in ("1970-01-01", "2025-10-09", "2025-10-11"):  # the first: an event from before there were limits
        (home.lake / "events" / f"day={day}").mkdir(parents=True)
    home.write_world(WORLD)
    first_day_us = 1_759_968_000_000_000
    assert json.loads((tmp_path / "world.json").read_text())["first_day_us"] == first_day_us
    older = {name: value for name, value in WORLD.to_json().items() if name != "first_day_us"}
    (tmp_path / "world.json").write_text(json.dumps(older))
    assert home.world().clock().first_day_us == first_day_us


def test_a_world_that_does_not_know_its_first_day_is_written_as_it_always_was() -> None:
    assert "first_day_us" not in WORLD.to_json()
    assert World.from_json(WORLD.to_json()) == WORLD
