"""The feature tables -> the online store: `feast apply`, rows in Feast's layout, and notifying the readers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from feature_repo.core.errors import HomeError
from feature_repo.core.files import reading
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.jobs.erased import forget_erased
from feature_repo.lake.cut import last_cut
from feature_repo.lake.feature_tables import table_schema
from feature_repo.lake.floods import tagged_in, videos_of
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.lake.parquet import read_table
from feature_repo.limits import FUTURE_TOLERANCE_SECONDS
from feature_repo.registry import VIEWS, entity_of
from feature_repo.schema import STREAM_VIEWS
from feature_repo.store.batch_writer import write_rows
from feature_repo.store.config import STORE
from feature_repo.store.connect import Client, connect
from feature_repo.store.feast_configuration import write_configuration
from feature_repo.store.feast_registry import apply_definitions
from feature_repo.store.layout import (
    TAGGED,
    TAKEN_DOWN,
    USER_IDS,
    VIDEO_IDS,
    announce,
    materializing,
)
from feature_repo.store.newest import newest_rows
from feature_repo.store.published import publish_again, states
from feature_repo.store.strangers import settle


def apply(home: Home, url: str) -> None:
    """`feast apply` of features.py for this home, its configuration rendered beside the registry."""
    write_configuration(home, url)
    with _quiet():
        apply_definitions(home, url)


def materialize(home: Home, url: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Write the latest row of each entity of each view to the online store at `url`; returns entities per view.

    A row that the event processor has written since, or that was published, stays: such a video keeps what tagged
    viewers have added to it until a later run. Raises StoreDown.
    """
    tables = {view: home.features / f"{view}.parquet" for view in VIEWS}
    if absent := [view for view, path in tables.items() if not path.exists()]:
        raise HomeError(f"no feature tables {', '.join(absent)} in {home.features}: run `marquee features` first")
    ids = {view: read_table(path, [entity_of(view)])[0].unique().to_pylist() for view, path in tables.items()}
    now_us = home.world().now_us()
    cut = last_cut(home)
    tagged = tagged_in(cut)
    config = read(STORE, home.root)
    client = connect(url, config.batch_timeout_seconds)
    try:
        with (
            materializing(client),
            progress.task("writing to the online store", sum(map(len, ids.values()))) as advance,
        ):
            before = {raw.decode() for raw in client.smembers(TAGGED)}
            recounted = videos_of(cut, tagged | before)
            for view, path in tables.items():
                # States may be ahead of now (from a client whose clock is fast); windows must not be.
                until_us = now_us + (FUTURE_TOLERANCE_SECONDS * 1_000_000 if view in STREAM_VIEWS else 0)
                columns = table_schema(view).names
                with reading(path, "a feature table", "run `marquee features`"):
                    newest = newest_rows(path, columns, entity_of(view), "event_timestamp", (0, until_us))
                again = recounted if view == "video_activity" else ()
                write_rows(client, view, newest, config.batch_rows, advance, again)
            _tag(client, tagged, config.batch_rows)
            publish_again(client)
        settle(client, "user_id", ids["user_profile"], ids["user_activity"], config.batch_rows)
        settle(client, "video_id", ids["video_profile"], ids["video_activity"], config.batch_rows)
        live = _settle_catalog(client, ids["video_profile"], _down(tables["video_profile"]), config.batch_rows)
        announce(client, video_ids=live, user_ids=sorted({*ids["user_profile"], *ids["user_activity"]}))
        forget_erased(home, client)
        return {
            "videos": int(client.scard(VIDEO_IDS)),
            "users": int(client.scard(USER_IDS)),
            "rows": {view: len(found) for view, found in ids.items()},
        }
    finally:
        client.close()


def _tag(client: Client, tagged: Set[str], batch_rows: int) -> None:
    """Name the tagged viewers to the event processor, which may have added some of its own."""
    ids = sorted(tagged)
    with client.pipeline(transaction=True) as pipe:
        pipe.delete(TAGGED)
        for start in range(0, len(ids), batch_rows):
            pipe.sadd(TAGGED, *ids[start : start + batch_rows])
        pipe.execute()


def _down(table: Path) -> set[str]:
    """The videos that the catalog of the lake has taken down."""
    rows = read_table(table, ["video_id", "taken_down_us"])
    return set(rows.filter(pc.greater(rows["taken_down_us"], 0))["video_id"].to_pylist())


def _settle_catalog(client: Client, ids: Sequence[str], down: Set[str], batch_rows: int) -> list[str]:
    """Bring the sets of ids in line with the tables; returns the videos of the tables that may be shown.

    What the catalog has said of a video since it was published counts, not the tables, which may be older: a video that
    was taken down stays so, and one that was published after the tables were made stays in.
    """
    held, hidden = ({raw.decode() for raw in client.smembers(key)} for key in (VIDEO_IDS, TAKEN_DOWN))
    said = states(client, sorted({*ids, *held, *hidden}), batch_rows)
    batch = [video_id for video_id in ids if video_id not in said]
    gone = [video_id for video_id in sorted(held - set(ids)) if video_id not in said]
    gone += [video_id for video_id in batch if video_id in down]
    _move(client, gone, VIDEO_IDS, TAKEN_DOWN, batch_rows)
    _move(client, [one for one in batch if one in hidden and one not in down], TAKEN_DOWN, VIDEO_IDS, batch_rows)
    return [one for one in ids if (not said[one].is_down if one in said else one not in down)]


def _move(client: Client, ids: Sequence[str], source: str, target: str, batch_rows: int) -> None:
    for start in range(0, len(ids), batch_rows):
        chunk = ids[start : start + batch_rows]
        with client.pipeline(transaction=True) as pipe:
            pipe.srem(source, *chunk)
            pipe.sadd(target, *chunk)
            pipe.execute()


@contextlib.contextmanager
def _quiet() -> Any:
    """Suppress Feast's own output and progress bars."""
    with ibis_session(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
