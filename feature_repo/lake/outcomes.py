"""Outcomes: joins what viewers did into the live impressions."""

from __future__ import annotations

from glob import escape

from feature_repo.lake.parquet import duckdb_connection, parquet_files
from feature_repo.lake.tables import IMPRESSIONS, Lake, events_in, write_result
from feature_repo.schema import (
    ALREADY_SEEN,
    CLICKS,
    LONGEST_WATCH_SECONDS,
    SUSPICIOUS_SECONDS,
    SUSPICIOUS_TIMES,
    VIEWINGS,
)

LIVE = "live-"  # prefix of the files that stream/handlers/write_lake.py writes


def settle_outcomes(lake: Lake) -> int:
    """Join live impressions with the events that followed; returns how many impressions were clicked.

    An event belongs to an impression when it has the same request, viewer and video. A watch implies a click; a
    suspicious one (fold.is_suspicious) implies nothing: models learn from outcomes.
    """
    files = sorted((lake.root / "impressions").glob(f"day=*/{LIVE}*.parquet"))
    if not files or not any((lake.root / "events").glob("day=*/*.parquet")):
        return 0
    with duckdb_connection() as connection:
        connection.execute(
            "CREATE TABLE outcome AS "
            + _OUTCOMES.format(
                events=events_in(lake.events_glob),
                videos=parquet_files(escape(lake.videos_path)),
                **_SUSPICIOUS,
                **_KINDS,
            )
        )
        settled = 0
        for file in files:
            table = connection.sql(_SETTLED, params=[escape(str(file))]).to_arrow_table()
            settled += sum(table["clicked"].to_pylist())
            write_result(table.select(IMPRESSIONS.names).cast(IMPRESSIONS), file)
    return settled


_SUSPICIOUS = {"times": SUSPICIOUS_TIMES, "more": SUSPICIOUS_SECONDS, "longest": LONGEST_WATCH_SECONDS}
_KINDS = {"clicks": CLICKS, "viewings": VIEWINGS, "seen": ALREADY_SEEN}
_OUTCOMES = """
SELECT request_id, user_id, video_id,
    bool_or(event IN {clicks} OR event IN {viewings}) AS clicked,
    coalesce(sum(CASE WHEN event = 'watch_complete' AND watch_seconds = 0 THEN coalesce(length, 0.0)
        ELSE watch_seconds END) FILTER (event IN {viewings}), 0.0) AS watch_seconds,
    coalesce(max(CASE WHEN event = 'watch_complete' THEN 1.0
        WHEN event = 'skip' OR (event = 'pause' AND watch_seconds = 0) THEN 0.0
        ELSE least(watch_seconds / seconds, 1.0) END) FILTER (event IN {viewings}), 0.0) AS watch_fraction,
    coalesce(max(timestamp_us) FILTER (event = 'like')
        > coalesce(max(timestamp_us) FILTER (event IN ('unlike', 'undo')), 0), false) AS liked,
    coalesce(max(timestamp_us) FILTER (event IN ('dislike', 'not_interested') AND about <> '{seen}')
        > coalesce(max(timestamp_us) FILTER (event = 'undo'), 0), false) AS disliked,
    bool_or(event = 'share') AS shared
FROM (
    SELECT DISTINCT ON (user_id, event_id) e.*,
        coalesce(nullif(e.duration_seconds, 0), nullif(v.duration_seconds, 0), nullif(e.watch_seconds, 0)) AS seconds,
        coalesce(nullif(v.duration_seconds, 0), nullif(e.duration_seconds, 0)) AS length
    FROM {events} e
    LEFT JOIN (SELECT video_id, duration_seconds FROM {videos}) v USING (video_id)
    WHERE e.request_id <> ''
)
WHERE event NOT IN {viewings} OR watch_seconds <= coalesce(greatest(length * {times}, length + {more}), {longest})
GROUP BY ALL
"""
_SETTLED = """
SELECT i.* REPLACE (
    coalesce(o.clicked, false) AS clicked,
    coalesce(o.watch_seconds, 0.0) AS watch_seconds,
    coalesce(o.watch_fraction, 0.0) AS watch_fraction,
    coalesce(o.liked, false) AS liked,
    coalesce(o.disliked, false) AS disliked,
    coalesce(o.shared, false) AS shared
)
FROM read_parquet(?) i LEFT JOIN outcome o USING (request_id, user_id, video_id)
ORDER BY timestamp_us, request_id, position, impression_id
"""
