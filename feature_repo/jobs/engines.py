"""The engines that run the expressions of aggregates.py: DuckDB in this process, or Spark, with equal results."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from typing import Any, Literal

import ibis
import pyarrow as pa

from feature_repo.compute.aggregates import EXPRESSIONS
from feature_repo.core.errors import DependencyDown
from feature_repo.core.settings import preset
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.lake.tables import Lake

Engine = Literal["duckdb", "spark"]


class SparkAbsent(DependencyDown):
    """Spark was requested and cannot run here; the message says what to install."""


def window_tables(lake: Lake, engine: Engine, now_us: int) -> Iterator[tuple[str, pa.Table]]:
    """Each *_windows view as (view, rows of entity, day and features)."""
    with ibis_session() if engine == "duckdb" else _spark() as connection:
        read = connection.read_parquet
        videos = read(escape(lake.videos_path))
        if engine == "duckdb":
            events = read(lake.events_glob, hive_partitioning=False, union_by_name=True)
            impressions = read(lake.impressions_glob, hive_partitioning=False, union_by_name=True)
        else:
            events, impressions = read(str(lake.root / "events")), read(str(lake.root / "impressions"))
        tagged = read(escape(str(lake.tagged_path))) if lake.tagged_path.exists() else None
        for view, expression in EXPRESSIONS.items():
            yield view, expression(events, impressions, videos, tagged, now_us=now_us).to_pyarrow()


@contextmanager
def _spark() -> Iterator[Any]:
    with spark_session() as session:
        yield ibis.pyspark.connect(session)


@contextmanager
def spark_session() -> Iterator[Any]:
    """A local session, or the cluster that SPARK_REMOTE or spark-submit's configuration names. Raises SparkAbsent."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkAbsent("Spark is an extra: `pip install 'marquee[spark]'` (or `make spark`)") from error
    preset(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")  # read when we launch the JVM
    try:
        session = (
            SparkSession.builder.appName("marquee")
            .config("spark.sql.session.timeZone", "UTC")  # a day of the lake is a UTC day
            .config("spark.sql.shuffle.partitions", "8")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
    except (
        Exception
    ) as error:  # whatever the launcher throws when there is no Java: py4j and pyspark have no common root
        raise SparkAbsent(f"Spark does not start; it needs Java 17 or later: {error}") from error
    try:
        yield session
    finally:
        session.stop()
