"""A partition function over Spark: the same function that a job calls in process, for batches of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from feature_repo.jobs.engines import spark_session

Batch = list[tuple[str, bytes]]
Make = Callable[[Iterator[list[str]]], Iterator[Batch]]

SCHEMA = "id string, made binary"


def over_spark(make: Make, ids: Sequence[str], batch: int) -> Iterator[Batch]:
    """What `make` gives for these ids, in batches of about `batch`; in whatever order. `make` is sent to the workers.

    Raises SparkAbsent.
    """
    if not ids:
        return
    with spark_session() as session:
        frame = session.createDataFrame([(one,) for one in ids], "id string")
        session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(batch))
        made = frame.mapInPandas(_in_frames(make), SCHEMA)
        waiting: Batch = []
        for row in made.toLocalIterator():
            waiting.append((row["id"], bytes(row["made"])))
            if len(waiting) >= batch:
                yield waiting
                waiting = []
        if waiting:
            yield waiting


def _in_frames(make: Make) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """The function on pandas frames that mapInPandas calls, in a worker."""

    def frames(given: Iterator[Any]) -> Iterator[Any]:
        import pandas as pd

        for batch in make(frame["id"].tolist() for frame in given):
            yield pd.DataFrame({"id": [one for one, _ in batch], "made": [packed for _, packed in batch]})

    return frames
