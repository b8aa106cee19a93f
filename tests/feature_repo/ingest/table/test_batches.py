"""Files of any form as batches of texts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.ingest.table.batches import Batch, batches, estimated_rows, form_of, trimmed
from feature_repo.ingest.table.mapping import Source
from feature_repo.lake.tables import LakeError

SOURCE = Source(("f",), {})


def read(file: Path, content: bytes, source: Source = SOURCE) -> Batch:
    file.write_bytes(content)
    (batch,) = batches(file, source)
    return batch


def cells(batch: Batch) -> dict[str, list[str | None]]:
    return {name: column.to_pylist() for name, column in batch.columns.items()}


def test_rows_with_more_or_fewer_cells_are_told_by_line_and_a_separator_at_the_end_is_no_cell(tmp_path: Path) -> None:
    batch = read(tmp_path / "f.csv", b"a,b,\n1,2,\n1\n1,2,3,4\n5,6,\n")
    assert cells(batch) == {"a": ["1", "5"], "b": ["2", "6"]}
    assert (batch.line_N.tolist(), [bad.line for bad in batch.torn]) == ([2, 5], [3, 4])


def test_bytes_that_are_no_text_spoil_their_row_alone(tmp_path: Path) -> None:
    batch = read(tmp_path / "f.csv", b"a,b\n1,x\n2,\xff\n3,z\n")
    assert cells(batch) == {"a": ["1", "3"], "b": ["x", "z"]}
    assert [(bad.line, bad.column, bad.found) for bad in batch.torn] == [(3, "b", r"\xff")]


def test_a_header_may_stand_further_down_or_be_absent(tmp_path: Path) -> None:
    assert cells(read(tmp_path / "f.csv", b"sep=;\na;b\n1;2\n", Source(("f",), {}, separator=";", header=2))) == {
        "a": ["1"],
        "b": ["2"],
    }
    assert cells(read(tmp_path / "f.csv", b"1,2\n", Source(("f",), {}, header=0))) == {"1": ["1"], "2": ["2"]}


@pytest.mark.parametrize(("content", "found"), [(b"", "an empty file"), (b"a,b,a\n", "'a' twice")])
def test_a_file_without_a_table_is_told(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(LakeError, match=found):
        read(tmp_path / "f.csv", content)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert cells(read(tmp_path / "f.csv", b"a,b\n")) == {"a": [], "b": []}


def test_json_objects_are_rows_their_lists_and_objects_too(tmp_path: Path) -> None:
    lines = [
        '{"id": 7, "user": {"id": "u"}, "tags": ["a", "b"], "seen": true}',
        "",
        "no JSON",
        '{"id": 8.0, "tags": null}',
    ]
    batch = read(tmp_path / "f.jsonl", "\n".join(lines).encode())
    assert cells(batch) == {"id": ["7", "8"], "user.id": ["u", None], "tags": ["a\x1fb", None], "seen": ["true", None]}
    assert (batch.line_N.tolist(), [bad.line for bad in batch.torn]) == ([1, 4], [3])
    whole = read(tmp_path / "f.json", json.dumps([{"id": 1}, {"id": 2}], indent=1).encode())
    assert cells(whole) == {"id": ["1", "2"]}


def test_parquet_of_any_type_is_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "whole": pa.array([1.0, None, np.nan]),
            "kind": pa.array(["x", "y", None]).dictionary_encode(),
            "tags": pa.array([[1, 2], None, []], pa.list_(pa.int16())),
            "at": pa.array([datetime(2024, 5, 1, tzinfo=UTC)] * 3, pa.timestamp("ms", tz="Europe/Berlin")),
        }
    )
    pq.write_table(table, tmp_path / "f.parquet")
    (batch,) = batches(tmp_path / "f.parquet", SOURCE)
    found = cells(batch)
    assert found["whole"] == ["1", None, None]
    assert found["kind"] == ["x", "y", None]
    assert found["tags"] == ["1\x1f2", None, ""]
    assert set(found["at"]) == {"2024-05-01T00:00:00.000000+00:00"}
    (tmp_path / "f.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(LakeError, match="expected a Parquet file"):
        list(batches(tmp_path / "f.parquet", SOURCE))


def test_what_stands_for_nothing_is_missing() -> None:
    column = pa.array([" x ", "", "N/A", "2 Seasons", None])
    assert trimmed(column, ("N/A", "* Seasons")).to_pylist() == ["x", None, None, None, None]


def test_the_form_follows_the_suffix_unless_it_is_stated(tmp_path: Path) -> None:
    assert [form_of(Path(name), SOURCE) for name in ("a.jsonl.gz", "a.PARQUET", "a.tsv", "a")] == [
        "jsonl",
        "parquet",
        "csv",
        "csv",
    ]
    assert form_of(Path("a.txt"), Source(("f",), {}, form="jsonl")) == "jsonl"
    (tmp_path / "f.csv").write_bytes(b"a,b\n" * 100)
    assert estimated_rows(tmp_path / "f.csv", SOURCE) == 100
    assert estimated_rows(tmp_path / "absent.csv", SOURCE) is None
