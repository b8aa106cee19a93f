"""A verb works on a world that is there, or names the command that makes one."""

from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.files import check_writable
from feature_repo.core.home import Home, World
from feature_repo.core.options import existing, let_go
from feature_repo.core.world_swap import WorldBusy, building


def test_a_home_without_a_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee simulate"):
        existing(tmp_path)


def test_a_home_with_a_world_is_opened(tmp_path: Path) -> None:
    Home(tmp_path).write_world(World("w", "simulator", "str", ("Drama",)))
    assert existing(tmp_path).root == tmp_path.resolve()


def test_what_cannot_be_written_is_said_before_any_work_and_what_can_is_left_as_it_was(tmp_path: Path) -> None:
    Home(tmp_path).write_world(World("w", "simulator", "str", ("Drama",)))
    before = list(tmp_path.iterdir())
    existing(tmp_path, to_write=True)
    assert list(tmp_path.iterdir()) == before
    with pytest.raises(OSError) as refused:
        check_writable(tmp_path, least_bytes=1 << 62)
    assert refused.value.filename == str(tmp_path)


def test_no_other_world_comes_into_a_home_while_a_verb_works_on_it(tmp_path: Path) -> None:
    Home(tmp_path).write_world(World("w", "simulator", "str", ("Drama",)))
    existing(tmp_path, to_write=True)
    with pytest.raises(WorldBusy), building(tmp_path):
        pass
    let_go()
    with building(tmp_path), pytest.raises(WorldBusy):
        existing(tmp_path, to_write=True)
