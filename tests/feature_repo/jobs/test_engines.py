"""The same expressions on Spark give the same tables, to the last bit."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.jobs.engines import SparkAbsent
from feature_repo.registry import VIEWS


@pytest.mark.spark
@pytest.mark.timeout(600)  # a JVM starts
# Spark's Python side leaves sockets to the collector and calls what pandas and Python have deprecated.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_spark_builds_the_tables_that_duckdb_builds(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="Spark is an extra: make spark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    home = toy.toy_home(tmp_path)
    rows = build_features(home)
    on_duckdb = {view: pq.read_table(home.features / f"{view}.parquet") for view in VIEWS}
    assert build_features(home, "spark") == rows
    for view, table in on_duckdb.items():
        assert pq.read_table(home.features / f"{view}.parquet").equals(table), view


def test_without_spark_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)  # what an import finds where there is none
    home: Home = toy.toy_home(tmp_path)
    with pytest.raises(SparkAbsent, match="marquee\\[spark\\]"):
        build_features(home, "spark")
    assert not home.features.exists()
