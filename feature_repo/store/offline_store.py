"""Feast's DuckDB offline store with an as-of join.

Feast's own join multiplies every entity row by all earlier rows of its entity and then keeps the newest. With
histories of 50 videos in each row that is gigabytes for a training set of a modest size; DuckDB's ASOF join looks up
the one row instead. The results are the same (a test compares the two stores), with every row and in order.

It relies on what `build_features` guarantees: one row per entity and event time, and no time to live, because a row is
valid until the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
from feast.infra.offline_stores.duckdb import (
    DuckDBOfflineStore,
    DuckDBOfflineStoreConfig,
    _read_data_source,
    _write_data_source,
)
from feast.infra.offline_stores.ibis import IbisRetrievalJob
from feast.infra.offline_stores.offline_store import RetrievalMetadata

from feature_repo.store.newest import newest_rows

UTC_MICROSECONDS = dt.Timestamp(timezone="UTC", scale=6)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AsofOfflineStoreConfig(DuckDBOfflineStoreConfig):  # type: ignore[misc]  # Feast is not typed
    type: str = "feature_repo.store.offline_store.AsofOfflineStore"


class AsofOfflineStore(DuckDBOfflineStore):  # type: ignore[misc]
    supports_filter_by_created_timestamp = False

    @staticmethod
    def get_historical_features(
        config: Any,
        feature_views: Sequence[Any],
        feature_refs: Sequence[str],
        entity_df: Any,
        registry: Any,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
    ) -> IbisRetrievalJob:
        """For each row of the frame `entity_df` (with `event_timestamp`), the newest feature row at or before it."""
        if filter_by_created_timestamp or full_feature_names:
            raise NotImplementedError("this store joins by event time, under the features' own names")
        entities = entity_df.assign(asof_row=range(len(entity_df)))
        base = ibis.memtable(entities)
        base = base.mutate(event_timestamp=base["event_timestamp"].cast(UTC_MICROSECONDS))
        joined = base
        for view in feature_views:
            names = [ref.split(":")[1] for ref in feature_refs if ref.split(":")[0] == view.projection.name_to_use()]
            (entity,) = view.entity_columns
            source = _read_data_source(view.batch_source, str(config.repo_path))
            features = source.select(
                **{name: name for name in names},
                asof_entity=source[entity.name],
                asof_time=source[view.batch_source.timestamp_field].cast(UTC_MICROSECONDS),
            )
            matched = base.select("asof_row", "event_timestamp", entity.name).asof_join(
                features, on=base["event_timestamp"] >= features["asof_time"], predicates=[(entity.name, "asof_entity")]
            )
            joined = joined.left_join(matched.select("asof_row", *names), "asof_row").drop("asof_row_right")
        times = entity_df["event_timestamp"]
        return IbisRetrievalJob(
            joined.order_by("asof_row").drop("asof_row"),
            [],
            full_feature_names,
            metadata=RetrievalMetadata(
                features=list(feature_refs),
                keys=[name for name in entity_df.columns if name != "event_timestamp"],
                min_event_timestamp=times.min().to_pydatetime(),
                max_event_timestamp=times.max().to_pydatetime(),
            ),
            data_source_writer=_write_data_source,
            staging_location=None,
            staging_location_endpoint_override=None,
            repo_path=str(config.repo_path),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: Any,
        data_source: Any,
        join_key_columns: Sequence[str],
        feature_name_columns: Sequence[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> IbisRetrievalJob:
        """The newest row of each entity between two moments."""
        (key,) = join_key_columns
        created = [created_timestamp_column] if created_timestamp_column else []
        columns = [key, *feature_name_columns, timestamp_field, *created]
        between = _microseconds(start_date), _microseconds(end_date)
        latest = newest_rows(Path(data_source.path), columns, key, timestamp_field, between)
        return IbisRetrievalJob(
            ibis.memtable(latest),
            [],
            False,
            metadata=None,
            data_source_writer=_write_data_source,
            staging_location=None,
            staging_location_endpoint_override=None,
            repo_path=str(config.repo_path),
        )


def _microseconds(moment: datetime) -> int:
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)
