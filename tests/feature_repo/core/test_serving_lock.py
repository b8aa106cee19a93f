"""One process serves a home, whatever is deleted in its HOME/run."""

from __future__ import annotations

import shutil
from pathlib import Path

from feature_repo.core.home import Home
from feature_repo.core.serving_lock import is_served, serving


def test_a_second_one_is_told_so_also_after_the_runtime_files_were_deleted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert not is_served(home)
    with serving(home) as first:
        assert first
        home.run.mkdir()
        shutil.rmtree(home.run)
        assert is_served(home)
        with serving(home) as second:
            assert not second
    assert not is_served(home)
    with serving(home) as third:
        assert third
