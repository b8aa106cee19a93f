"""A ring of videos: who watched number n watches n + 1 next. Only the order of watches tells."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from feature_repo.core.home import Home, World
from feature_repo.lake.tables import EVENTS, USERS, VIDEOS, Lake
from training.fit.two_tower_config import TwoTowerConfig

RING, VIEWERS, WATCHES = 24, 80, 12
HOUR_US = 3_600_000_000
START_US = 20_000 * 24 * HOUR_US  # 4 October 2024
CONFIG = TwoTowerConfig(
    split="leave_last", epochs=12, learning_rate=1e-2, dim=16, blocks=1, length=20, dropout=0.0, id_dropout=0.0,
    text_dimensions=4, batch_size=16,
)  # fmt: skip


def video(number: int) -> str:
    return f"v{number % RING:02}"


def write_ring(home: Home, watches: int = WATCHES, country: str = "") -> None:
    """Who watched video n watches n + 1 next, whatever the time; popularity and co-watching know nothing of it.

    Every other viewer is of that country, if any, and begins in the second half, the others in the first.
    """
    rng = np.random.default_rng(2)
    starts = rng.integers(0, RING, VIEWERS)
    if country:
        starts = starts % (RING // 2 - watches) + RING // 2 * (np.arange(VIEWERS) % 2)
    rows = [
        dict.fromkeys(EVENTS.names, "")
        | {
            "event_id": f"{viewer}-{step}",
            "user_id": f"u{viewer:02}",
            "video_id": video(start + step),
        }
        | {"event": "watch", "timestamp_us": int(START_US + step * HOUR_US + rng.integers(HOUR_US)), "sequence": 0}
        | {"watch_seconds": 90.0, "duration_seconds": 100.0, "position": -1}
        for viewer, start in enumerate(starts)
        for step in range(watches)
    ]
    videos = [
        {field.name: [] if pa.types.is_list(field.type) else "" if field.type == pa.string() else 0 for field in VIDEOS}
        | {"video_id": f"v{number:02}", "title": f"Part {number}", "duration_seconds": 100.0}
        for number in range(RING + 1)  # the last one is never watched
    ]
    lake = Lake(home)
    lake.write_videos(pa.Table.from_pylist(videos, schema=VIDEOS))
    countries = [country if viewer % 2 else "" for viewer in range(VIEWERS if country else 0)]
    nothing = {field.name: "" if field.type == pa.string() else 0 for field in USERS}
    users = [nothing | {"user_id": f"u{viewer:02}", "country": of} for viewer, of in enumerate(countries)]
    lake.write_users(pa.Table.from_pylist(users, schema=USERS))
    lake.write_events(pa.Table.from_pylist(rows, schema=EVENTS))
    home.write_world(World(name="ring", source="simulated", id_type="str", genres=("Drama",), history_length=20))
