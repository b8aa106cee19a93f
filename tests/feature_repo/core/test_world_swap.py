"""A world takes another's place whole or not at all, wherever the process that puts it there dies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.home import Home
from feature_repo.core.world_swap import ARRIVING, BUILDING, RETIRED, WorldBusy, building, commit, recover

OLD = {
    "world.json": "old",
    "lake/videos": "old",
    "releases/champion": "old",
    "cut/lake/videos": "old",
    "models/ranker": "old",
    "steps.json": "{}",
}
YOURS = {
    "marquee.toml": "",
    "policy.toml": "",
    "keys.json": "{}",
    "run/logs/service.log": "",
    "quality/ml1m/world.json": "",
}
NEW = {"world.json": "new", "lake/videos": "new"}


def filled(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def held(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    filled(tmp_path / "home", {**OLD, **YOURS})
    return tmp_path / "home"


def test_the_new_world_comes_whole_and_everything_made_from_the_old_one_goes(root: Path) -> None:
    with building(root) as folder:
        filled(folder, NEW)
        assert held(root) == {**OLD, **YOURS, **{f"{BUILDING}/{name}": text for name, text in NEW.items()}}
        commit(root)
    assert held(root) == {**NEW, **YOURS}
    assert not any((root / name).exists() for name in (BUILDING, ARRIVING, RETIRED, "rejected", "models"))


def interrupt() -> Iterator[str]:
    raise KeyboardInterrupt
    yield ""


def test_a_block_that_fails_or_decides_nothing_leaves_the_old_world(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt), building(root) as folder:
        filled(folder, NEW | {"interrupted": next(interrupt())})
    with building(root):
        pass
    assert held(root) == {**OLD, **YOURS}


def test_a_home_that_was_not_there_is_not_left_behind_empty(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), building(tmp_path / "home"):
        raise OSError("full")
    assert not (tmp_path / "home").exists()


def test_one_world_at_a_time(root: Path) -> None:
    with building(root), pytest.raises(WorldBusy, match="another command"), building(root):
        pass


class Killed(BaseException):
    pass


def count_of_steps(root: Path) -> int:
    return len(stopped_at(root, 10_000))


def stopped_at(root: Path, step: int) -> list[str]:
    """Put the new world there and stop before that rename or removal, as kill -9 would; the steps so far."""
    done: list[str] = []

    def counted(name: str, original: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if len(done) == step:
                raise Killed
            done.append(name)
            return original(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        rmtree = shutil.rmtree
        with building(root) as folder:
            filled(folder, NEW)
            patch.setattr(os, "replace", counted("replace", os.replace))
            patch.setattr(shutil, "rmtree", counted("rmtree", rmtree))
            try:
                commit(root)
                patch.undo()
            except Killed:
                patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # nobody tidies up after kill -9
    return done


def test_wherever_it_is_killed_the_next_opening_finds_one_of_the_two_worlds_whole(tmp_path: Path) -> None:
    filled(tmp_path / "whole", {**OLD, **YOURS})
    steps = count_of_steps(tmp_path / "whole")
    assert steps > 7
    for step in range(steps):
        root = tmp_path / f"killed-{step}"
        filled(root, {**OLD, **YOURS})
        assert len(stopped_at(root, step)) == step
        Home.open(root)
        assert held(root) == ({**OLD, **YOURS} if step == 0 else {**NEW, **YOURS}), step
        Home.open(root)
        assert held(root) == ({**OLD, **YOURS} if step == 0 else {**NEW, **YOURS}), step


def test_what_a_dead_process_was_building_goes_and_what_a_living_one_builds_stays(root: Path) -> None:
    filled(root / BUILDING, NEW)
    recover(root)
    assert held(root) == {**OLD, **YOURS}
    with building(root) as folder:
        filled(folder, NEW)
        recover(root)
        assert (folder / "world.json").read_text() == "new"
