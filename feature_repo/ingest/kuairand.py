"""KuaiRand-Pure into the lake: real exposures of short videos with clicks, likes and seconds watched.

`log_standard_*.parquet` are exposures with every outcome: they become impressions and, where something was played,
events. `history_*.parquet` (optional) are the last exposures of each user before the log: their order, whether they
were watched long or liked, and the time of the last one. They become

- impressions (surface "history") that count as clicked when watched long, of one moment per user and day;
- for long watches, events that watched as much as long watches of the log do on average.

Their times are spread evenly from the first day of the set to the last one known. Videos have no titles here; the 32
most frequent tags serve as genres.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.tables import DAY_US, EVENTS, IMPRESSIONS, Lake, LakeError
from feature_repo.schema import GENRE_SLOTS, LONG_VIEW_SECONDS

Array = np.ndarray[Any, Any]
LOG_COLUMNS = (
    "user_id",
    "video_id",
    "time_ms",
    "is_click",
    "is_like",
    "is_forward",
    "is_hate",
    "play_time_ms",
    "duration_ms",
    "tab",
)
HISTORY_COLUMNS = ("user_id", "pos_from_end", "video_id", "long_view_any", "like_any", "history_len", "last_time_ms")
VIDEO_COLUMNS = ("video_id", "author_id", "upload_dt", "video_duration", "tag")
BEGIN_MS = 1_649_347_200_000  # 8 April 2022 in China: KuaiRand begins
VIDEO_FILE = "video_features_basic_pure.csv"
CHINA_OFFSET_MINUTES = 8 * 60


def ingest(home: Home, path: Path, progress: Progress = SILENT) -> dict[str, Any]:
    """Replace the home's world by the data set at `path`. Raises LakeError naming the file at fault."""
    with progress.task("reading KuaiRand", total=4) as advance:
        log = _log(path)
        advance(1)
        history = _history(path)
        advance(1)
        catalog = _catalog(path)
        advance(1)
        registered = _registered(path)
        advance(1)
    durations = _durations(catalog, log)
    past_fraction = _long_view_fraction(log)
    impressions = pa.concat_tables([_history_exposures(history, durations, past_fraction), _exposures(log)])
    events = _events(log, history, durations, past_fraction)
    genres = tuple(
        f"topic {tag}" for tag, _ in Counter(t for tags in catalog["tags"] for t in tags).most_common(GENRE_SLOTS)
    )
    users = np.unique(np.concatenate([log["user_id"], history["user_id"], np.array(list(registered), dtype=np.int64)]))
    first_us = int(min(impressions["timestamp_us"].to_numpy().min(), events["timestamp_us"].to_numpy().min()))
    with progress.task("writing the lake"):
        Lake(home).replace(
            videos=_videos(catalog, durations, genres, log, history),
            users=_users(users, registered, first_us),
            events=events,
            impressions=impressions,
        )
    last_us = max(int(events["timestamp_us"].to_numpy().max()), int(impressions["timestamp_us"].to_numpy().max()))
    seen, counts = np.unique(log["user_id"][log["is_click"] > 0], return_counts=True)
    world = World(
        name=path.resolve().name,
        source="kuairand",
        id_type="int",
        genres=genres,
        clock_offset_seconds=last_us / 1e6 + 1 - time.time(),
        example_user=str(seen[np.argsort(counts, kind="stable")[int(0.9 * (len(seen) - 1))]]) if len(seen) else "",
    )
    home.write_world(world)
    return {
        "world": world.name,
        "videos": len(catalog["video_id"]),
        "users": len(users),
        "events": events.num_rows,
        "impressions": impressions.num_rows,
        "first_day": _day(int(events["timestamp_us"].to_numpy().min())),
        "last_day": _day(last_us),
    }


def _log(path: Path) -> dict[str, Array]:
    files = sorted(path.glob("log_standard_*.parquet"))
    if not files:
        raise LakeError(f"{path}: expected log_standard_*.parquet, found none")
    log = _columns(files, (*LOG_COLUMNS, "long_view"))
    if not len(log["user_id"]):
        raise LakeError(f"{path}: expected exposures in log_standard_*.parquet, found no row")
    order = np.argsort(log["time_ms"], kind="stable")
    return {name: column[order] for name, column in log.items()}


def _history(path: Path) -> dict[str, Array]:
    """Exposures before the log, in order, with times that keep the order."""
    history = _columns(sorted(path.glob("history_*.parquet")), HISTORY_COLUMNS)
    steps_before_last = -history["pos_from_end"] - 1
    span_ms = history["last_time_ms"] - BEGIN_MS
    history["time_ms"] = history["last_time_ms"] - steps_before_last * span_ms // np.maximum(history["history_len"], 1)
    order = np.lexsort((history["pos_from_end"], history["time_ms"]))
    return {name: column[order] for name, column in history.items()}


def _columns(files: list[Path], names: tuple[str, ...]) -> dict[str, Array]:
    """Whole-number columns of all files, one after the other; LakeError names the file that lacks one."""
    tables = []
    for file in files:
        try:
            found = pq.read_schema(file).names
        except pa.ArrowInvalid as error:
            raise LakeError(f"{file}: expected a Parquet file: {error}") from error
        _expect_columns(file, found, names)
        tables.append(pq.read_table(file, columns=list(names)))
    empty = np.zeros(0, dtype=np.int64)
    return {name: np.concatenate([empty, *(t[name].to_numpy().astype(np.int64) for t in tables)]) for name in names}


def _expect_columns(file: Path, found: list[str], expected: tuple[str, ...]) -> None:
    missing = [name for name in expected if name not in found]
    if missing:
        raise LakeError(f"{file}: expected the columns {', '.join(expected)}; missing {', '.join(missing)}")


def _long_view_fraction(log: dict[str, Array]) -> float:
    """How much of a video a long watch is, on average."""
    fraction = np.minimum(log["play_time_ms"] / np.maximum(log["duration_ms"], 1), 1.0)[log["long_view"] > 0]
    return float(fraction.mean()) if len(fraction) else 1.0


def _catalog(path: Path) -> dict[str, Any]:
    file = path / VIDEO_FILE
    if not file.exists():
        raise LakeError(f"{path}: expected {VIDEO_FILE}, found none")
    try:
        table = csv.read_csv(file, convert_options=csv.ConvertOptions(column_types={"tag": pa.string()}))
    except pa.ArrowInvalid as error:
        raise LakeError(f"{file}: expected a CSV file: {error}") from error
    _expect_columns(file, table.column_names, VIDEO_COLUMNS)
    return {
        "video_id": table["video_id"].to_numpy(),
        "author_id": table["author_id"].to_pylist(),
        "duration_ms": table["video_duration"].to_pylist(),
        "published": [str(day) for day in table["upload_dt"].to_pylist()],
        "tags": [[tag.strip() for tag in (text or "").split(",") if tag.strip()] for text in table["tag"].to_pylist()],
    }


def _registered(path: Path) -> dict[int, int]:
    """User -> days since registration, where the file is there."""
    file = path / "user_features.parquet"
    if not file.exists():
        return {}
    table = pq.read_table(file, columns=["user_id", "register_days"])
    return dict(zip(table["user_id"].to_pylist(), table["register_days"].to_pylist(), strict=True))


def _durations(catalog: dict[str, Any], log: dict[str, Array]) -> dict[int, float]:
    """Seconds of every video: of the log where it was shown, else of the catalog, else the median."""
    listed = zip(catalog["video_id"].tolist(), catalog["duration_ms"], strict=True)
    known = {video: ms / 1000 for video, ms in listed if ms and ms == ms}
    known |= {
        v: ms / 1000 for v, ms in zip(log["video_id"].tolist(), log["duration_ms"].tolist(), strict=True) if ms > 0
    }
    typical = float(np.median(list(known.values())))
    return {video: known.get(video, typical) for video in catalog["video_id"].tolist()}


def _videos(
    catalog: dict[str, Any],
    durations: dict[int, float],
    genres: tuple[str, ...],
    log: dict[str, Array],
    history: dict[str, Array],
) -> pa.Table:
    first: dict[int, int] = {}
    for part in (history, log):
        for video, at in zip(part["video_id"].tolist(), part["time_ms"].tolist(), strict=True):
            first[video] = min(first.get(video, at), at)
    unlisted = sorted(set(first) - set(catalog["video_id"].tolist()))
    if unlisted:
        raise LakeError(f"{VIDEO_FILE}: {len(unlisted)} shown videos are not listed, the first is {unlisted[0]}")
    count = len(catalog["video_id"])
    published = []
    for video, day in zip(catalog["video_id"].tolist(), catalog["published"], strict=True):
        uploaded = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000 if day[:2] == "20" else 0
        published.append(int(min(uploaded, first.get(video, uploaded) - 1)) * 1000)
    named = [[f"topic {tag}" for tag in tags] for tags in catalog["tags"]]
    return pa.table(
        {
            "video_id": [str(video) for video in catalog["video_id"].tolist()],
            "title": [f"Video {video}" for video in catalog["video_id"].tolist()],
            "description": [""] * count,
            "creator_id": [str(author) for author in catalog["author_id"]],
            "creator_name": [f"Author {author}" for author in catalog["author_id"]],
            "series_id": [""] * count,
            "episode": np.zeros(count, dtype=np.int64),
            "genres": pa.array([[tag for tag in tags if tag in genres] for tags in named], pa.list_(pa.string())),
            "tags": pa.array(named, pa.list_(pa.string())),
            "video_language": ["zh"] * count,
            "countries": pa.array([[]] * count, pa.list_(pa.string())),
            "maturity": np.zeros(count, dtype=np.int64),
            "duration_seconds": [durations[video] for video in catalog["video_id"].tolist()],
            "published_timestamp_us": np.array(published, dtype=np.int64),
        }
    )


def _users(users: Array, registered: dict[int, int], first_us: int) -> pa.Table:
    count = len(users)
    signup = [first_us - registered.get(user, 0) * DAY_US - 1 for user in users.tolist()]
    return pa.table(
        {
            "user_id": [str(user) for user in users.tolist()],
            "country": ["CN"] * count,
            "user_language": ["zh"] * count,
            "age_group": [""] * count,
            "maturity_limit": np.full(count, 18),
            "signup_timestamp_us": np.array(signup, dtype=np.int64),
        }
    )


def _history_exposures(history: dict[str, Array], durations: dict[int, float], fraction: float) -> pa.Table:
    n = len(history["user_id"])
    day = history["time_ms"] * 1000 // DAY_US
    _, first, visit = np.unique(history["user_id"] * 100_000 + day, return_index=True, return_inverse=True)
    duration = np.array([durations[video] for video in history["video_id"].tolist()], dtype=np.float64)
    watched = history["long_view_any"] > 0
    seconds = np.maximum(fraction * duration, np.minimum(duration, LONG_VIEW_SECONDS))
    return pa.table(
        {
            "impression_id": pa.array([f"h{row}" for row in range(n)], pa.string()),
            "request_id": pa.array([f"p{at}" for at in visit.tolist()], pa.string()),
            "user_id": _text(history["user_id"]),
            "video_id": _text(history["video_id"]),
            "timestamp_us": history["time_ms"][first][visit] * 1000,
            "position": np.full(n, -1),
            "surface": pa.array(["history"] * n, pa.string()),
            "device": pa.array(["mobile"] * n, pa.string()),
            "utc_offset_minutes": np.full(n, CHINA_OFFSET_MINUTES),
            "propensity": np.zeros(n),
            "clicked": watched,
            "watch_seconds": np.where(watched, seconds, 0.0),
            "watch_fraction": np.where(watched, seconds / np.maximum(duration, 1e-3), 0.0),
            "liked": history["like_any"] > 0,
            "disliked": np.zeros(n, dtype=bool),
            "shared": np.zeros(n, dtype=bool),
        },
        schema=IMPRESSIONS,
    )


def _exposures(log: dict[str, Array]) -> pa.Table:
    n = len(log["user_id"])
    fraction = np.minimum(log["play_time_ms"] / np.maximum(log["duration_ms"], 1), 1.0)
    return pa.table(
        {
            "impression_id": pa.array([f"i{row}" for row in range(n)], pa.string()),
            "request_id": pa.array(
                [f"q{u}-{t}" for u, t in zip(log["user_id"].tolist(), log["time_ms"].tolist(), strict=True)],
                pa.string(),
            ),
            "user_id": _text(log["user_id"]),
            "video_id": _text(log["video_id"]),
            "timestamp_us": log["time_ms"] * 1000,
            "position": np.full(n, -1),
            "surface": _text(log["tab"]),
            "device": pa.array(["mobile"] * n, pa.string()),
            "utc_offset_minutes": np.full(n, CHINA_OFFSET_MINUTES),
            "propensity": np.zeros(n),  # unknown
            "clicked": log["is_click"] > 0,
            "watch_seconds": log["play_time_ms"] / 1000,
            "watch_fraction": np.where(log["play_time_ms"] > 0, fraction, 0.0),
            "liked": log["is_like"] > 0,
            "disliked": log["is_hate"] > 0,
            "shared": log["is_forward"] > 0,
        },
        schema=IMPRESSIONS,
    )


def _events(
    log: dict[str, Array], history: dict[str, Array], durations: dict[int, float], past_fraction: float
) -> pa.Table:
    """What the fold sees. Everything follows its exposure: an outcome is known only once it has happened.

    The log has lines twice; nobody watches the same video twice in the same millisecond.
    """
    keys = np.stack([log["user_id"], log["video_id"], log["time_ms"]])
    log = {name: column[np.sort(np.unique(keys, axis=1, return_index=True)[1])] for name, column in log.items()}
    shown_us, played_us = log["time_ms"] * 1000, log["play_time_ms"] * 1000
    length = np.array([durations[video] for video in log["video_id"].tolist()])
    past = np.array([durations[video] for video in history["video_id"].tolist()], dtype=np.float64)
    past_us = history["time_ms"] * 1000 + (past_fraction * past * 1e6).astype(np.int64) + 1_000_000
    parts = [
        ("c", "click", log, log["is_click"] > 0, shown_us + 500_000, None, length),
        (
            "w",
            "watch",
            log,
            log["play_time_ms"] > 0,
            shown_us + played_us + 1_000_000,
            log["play_time_ms"] / 1000,
            length,
        ),
        ("l", "like", log, log["is_like"] > 0, shown_us + played_us + 1_500_000, None, length),
        ("d", "dislike", log, log["is_hate"] > 0, shown_us + played_us + 1_500_000, None, length),
        ("s", "share", log, log["is_forward"] > 0, shown_us + played_us + 2_000_000, None, length),
        ("hw", "watch", history, history["long_view_any"] > 0, past_us, past_fraction * past, past),
        ("hl", "like", history, history["like_any"] > 0, past_us + 1_000_000, None, past),
    ]
    tables = []
    for prefix, kind, source, chosen, at_us, watched, duration in parts:
        rows = np.nonzero(chosen)[0]
        nothing = pa.array([""] * len(rows), pa.string())
        tables.append(
            pa.table(
                {
                    "event_id": pa.array([f"{prefix}{row}" for row in rows.tolist()], pa.string()),
                    "user_id": _text(source["user_id"][rows]),
                    "video_id": _text(source["video_id"][rows]),
                    "event": pa.array([kind] * len(rows), pa.string()),
                    "timestamp_us": at_us[rows],
                    "watch_seconds": watched[rows] if watched is not None else np.zeros(len(rows)),
                    "duration_seconds": duration[rows],
                    "position": np.full(len(rows), -1),
                    "surface": nothing,
                    "device": nothing,
                    "request_id": nothing,
                    "sequence": rows,
                },
                schema=EVENTS,
            )
        )
    return pa.concat_tables(tables)


def _text(numbers: Array) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _day(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).date().isoformat()
