"""What is known of a cut comes back as it was written, and a file that says something else is no cut."""

import json
from pathlib import Path

import pytest

from feature_repo.lake.taken import TAKEN, Taken

SAID = {"table": "events", "field": "watch_seconds", "expected": "seconds", "rows": 3, "file": "events/x.parquet"}
KNOWN = Taken(
    7,
    {"world.json": [1, 2]},
    {"videos.parquet": [3, 4]},
    ["videos.parquet"],
    [SAID],
    {"videos.parquet": 3},
    {"t": {"0": "5-6"}},
)


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    KNOWN.write(tmp_path)
    assert Taken.of(tmp_path) == KNOWN
    assert KNOWN.rejected_rows == 3


@pytest.mark.parametrize("content", ["", "{", "[]", "7", json.dumps({"at_us": 7})])
def test_what_cannot_be_read_counts_as_never_taken(tmp_path: Path, content: str) -> None:
    assert Taken.of(tmp_path) is None
    (tmp_path / TAKEN).write_text(content)
    assert Taken.of(tmp_path) is None
