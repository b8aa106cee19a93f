"""The feature tables -> the online store: `feast apply`, `feast materialize`, and notifying the readers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.lake.feature_tables import entity_of
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.lake.parquet import read_table
from feature_repo.limits import FUTURE_TOLERANCE_SECONDS
from feature_repo.registry import VIEWS
from feature_repo.schema import STREAM_VIEWS
from feature_repo.store.config import STORE
from feature_repo.store.connect import Client, connect
from feature_repo.store.feast_configuration import write_configuration
from feature_repo.store.feast_registry import apply_definitions, open_store
from feature_repo.store.layout import (
    USER_IDS,
    VIDEO_IDS,
    announce,
    encode_timestamp,
    entity_key,
    materializing,
    timestamp_field,
)
from feature_repo.store.strangers import settle

EPOCH = datetime.fromtimestamp(0, UTC)
NO_LONGER_NEWEST = encode_timestamp(1)


def apply(home: Home, url: str) -> None:
    """`feast apply` of features.py for this home, its configuration rendered beside the registry."""
    write_configuration(home, url)
    with _quiet():
        apply_definitions(home, url)


def materialize(home: Home, url: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Write the latest row of each entity of each view to the online store at `url`; returns entities per view.

    Feast ignores a row that is not newer than the stored one. This protects later writes of the event processor. In
    views that only batch jobs write, it would reject corrections (a new title), so their stored times are reset.
    """
    tables = {view: home.features / f"{view}.parquet" for view in VIEWS}
    if absent := [view for view, path in tables.items() if not path.exists()]:
        raise HomeError(f"no feature tables {', '.join(absent)} in {home.features}: run `marquee features` first")
    ids = {view: read_table(path, [entity_of(view)])[0].unique().to_pylist() for view, path in tables.items()}
    now_us = home.world().now_us()
    store = open_store(home, url)
    config = read(STORE, home.root)
    client = connect(url, config.batch_timeout_seconds)
    try:
        with materializing(client), progress.task("writing to the online store", len(VIEWS)) as advance:
            for view in VIEWS:
                # States may be ahead of now (from a client whose clock is fast); windows must not be.
                ahead_us = FUTURE_TOLERANCE_SECONDS * 1_000_000 if view in STREAM_VIEWS else 0
                if view not in STREAM_VIEWS:
                    _set_back(client, view, ids[view], config.batch_rows)
                with _quiet():
                    store.materialize(EPOCH, datetime.fromtimestamp((now_us + ahead_us) / 1e6, UTC), [view])
                advance(1)
        settle(client, "user_id", ids["user_profile"], ids["user_activity"], config.batch_rows)
        settle(client, "video_id", ids["video_profile"], ids["video_activity"], config.batch_rows)
        _forget_withdrawn(client, ids["video_profile"])
        announce(client, video_ids=ids["video_profile"], user_ids=sorted({*ids["user_profile"], *ids["user_activity"]}))
        return {
            "videos": int(client.scard(VIDEO_IDS)),
            "users": int(client.scard(USER_IDS)),
            "rows": {view: len(entities) for view, entities in ids.items()},
        }
    finally:
        client.close()


def _set_back(client: Client, view: str, ids: Sequence[str], batch_rows: int) -> None:
    key, field = entity_of(view), timestamp_field(view)
    for start in range(0, len(ids), batch_rows):
        with client.pipeline(transaction=False) as pipe:
            for entity_id in ids[start : start + batch_rows]:
                pipe.hset(entity_key(key, entity_id), field, NO_LONGER_NEWEST)
            pipe.execute()


def _forget_withdrawn(client: Client, ids: Sequence[str]) -> None:
    """Remove videos that have left the catalog from the set of ids that readers load."""
    kept = {video_id.encode() for video_id in ids}
    if withdrawn := client.smembers(VIDEO_IDS) - kept:
        client.srem(VIDEO_IDS, *withdrawn)


@contextlib.contextmanager
def _quiet() -> Any:
    """Suppress Feast's own output and progress bars."""
    with ibis_session(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
