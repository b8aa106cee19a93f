"""What was measured of a release lies beside it, and is nothing else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feature_repo.core.files import FileError
from feature_repo.core.home import Home
from monitoring.reports.ladder_file import ladder_of, read_ladder

MEASURED = {"release_id": "r-1", "as_of": "2026-11-20T00:00:00+00:00", "viewers": 2, "rungs": [{"rung": "full_funnel"}]}


def test_it_lies_beside_the_release(tmp_path: Path) -> None:
    assert ladder_of(Home(tmp_path), "r-1") == tmp_path / "releases" / "r-1" / "ladder.json"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ladder.json"
    assert read_ladder(file) is None
    file.write_text(json.dumps(MEASURED))
    assert read_ladder(file) == MEASURED


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"rungs": [{}], "viewers": 1, "as_of": ""}'])
def test_a_file_of_something_else_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "ladder.json").write_text(content)
    with pytest.raises(FileError, match=r"ladder.json: expected the figures of the rungs.*run `marquee ladder` again"):
        read_ladder(tmp_path / "ladder.json")
