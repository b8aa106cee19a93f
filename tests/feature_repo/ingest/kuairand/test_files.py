"""The files of KuaiRand: one that is not what it should be is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import kuairand
from feature_repo.ingest.kuairand.files import VIDEO_FILE
from feature_repo.lake.tables import LakeError


def test_without_a_history_the_log_stands_alone(home: Home, source: Path) -> None:
    (source / "history_1.parquet").unlink()
    assert kuairand.ingest(home, source)["impressions"] == 4


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log_standard_1.parquet", None, r"expected log_standard_\*.parquet, found none"),
        ("log_standard_1.parquet", b"not parquet", r"log_standard_1.parquet: expected a Parquet file"),
        ("history_1.parquet", b"", r"history_1.parquet: expected a Parquet file"),
        (VIDEO_FILE, None, "expected video_features_basic_pure.csv, found none"),
        (VIDEO_FILE, b"video_id\n0\n", r"video_features_basic_pure.csv: expected the columns .*author_id"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    home: Home, source: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is None:
        (source / name).unlink()
    else:
        (source / name).write_bytes(content)
    with pytest.raises(LakeError, match=message):
        kuairand.ingest(home, source)
    assert not home.root.exists()


def test_a_log_without_a_label_names_it(home: Home, source: Path) -> None:
    file = source / "log_standard_1.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["is_hate"]), file)
    with pytest.raises(LakeError, match=r"log_standard_1.parquet: .*missing is_hate"):
        kuairand.ingest(home, source)
