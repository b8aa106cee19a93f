"""A cut of a lake that still holds a viewer who was erased."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.pseudonym import pseudonym
from feature_repo.lake.erased import without_erased
from feature_repo.store.erased import NEVER

AT = 1_760_000_000_000_000
LATER = AT + 11_000_000
ROWS = pa.table({"user_id": ["u2", "u1", "u1", None], "timestamp_us": [AT, AT - 1, LATER, AT]})


@pytest.mark.parametrize(
    ("until", "left"), [(AT, ["u2", "u1", None]), (NEVER, ["u2", None]), (1, ["u2", "u1", "u1", None])]
)
def test_rows_of_before_an_erasure_are_left_out(tmp_path: Path, until: int, left: list[str]) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(ROWS, path)
    assert without_erased(path, {pseudonym("u1"): until}, 0.0) is (len(left) < 4)
    assert pq.read_table(path)["user_id"].to_pylist() == left


def test_profiles_are_left_out_of_who_wants_no_personal_pages(tmp_path: Path) -> None:
    path = tmp_path / "users.parquet"
    pq.write_table(pa.table({"user_id": ["u1", "u2"]}), path)
    assert not without_erased(path, {pseudonym("u1"): AT}, 0.0)
    assert without_erased(path, {pseudonym("u1"): NEVER}, 0.0)
    assert pq.read_table(path)["user_id"].to_pylist() == ["u2"]


def test_a_table_without_viewers_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "videos.parquet"
    pq.write_table(pa.table({"video_id": ["u1"]}), path)
    assert not without_erased(path, {pseudonym("u1"): NEVER}, 0.0)
    assert not without_erased(path, {}, 0.0)
