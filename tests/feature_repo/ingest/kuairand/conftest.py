"""A KuaiRand of two users and three videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.kuairand.files import BEGIN_MS, VIDEO_FILE

DAY_MS = 86_400_000
T_MS = BEGIN_MS + 17 * DAY_MS  # 25 April
VIDEOS = (
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,server_height,"
    "music_id,music_type,tag\n"
    '0,10,NORMAL,2022-04-01,LongImport,0.0,20000.0,720.0,1280.0,1,9.0,"39,6"\n'
    "1,11,NORMAL,2022-04-10,Kmovie,0.0,,720.0,1280.0,2,9.0,6\n"
    "2,10,AD,2022-04-10,Kmovie,0.0,40000.0,720.0,1280.0,2,9.0,\n"
)


def _shown(user: int, video: int, later_ms: int, play_ms: int, **labels: int) -> dict[str, Any]:
    row = {"user_id": user, "video_id": video, "time_ms": T_MS + later_ms, "play_time_ms": play_ms, "tab": 1}
    row |= dict.fromkeys(("is_click", "is_like", "is_forward", "is_hate", "long_view"), 0)
    return row | {"duration_ms": {0: 20_000, 1: 10_000, 2: 40_000}[video]} | labels


LOG = [
    _shown(1, 0, 0, 15_000, is_click=1, long_view=1, is_like=1),
    _shown(1, 1, 60_000, 300),
    _shown(2, 2, 0, 0, is_hate=1),
    _shown(2, 2, 0, 0, is_hate=1),  # the log has lines twice
]
HISTORY = [
    {"user_id": 1, "pos_from_end": position, "video_id": video, "long_view_any": long, "like_any": 0}
    | {"history_len": 2, "last_time_ms": T_MS - DAY_MS}
    for position, video, long in ((-2, 2, 1), (-1, 1, 0))
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "kuairand-tiny"
    path.mkdir()
    pq.write_table(pa.Table.from_pylist(LOG), path / "log_standard_1.parquet")
    pq.write_table(pa.Table.from_pylist(HISTORY), path / "history_1.parquet")
    pq.write_table(pa.table({"user_id": [1, 2, 3], "register_days": [10, 20, 30]}), path / "user_features.parquet")
    (path / VIDEO_FILE).write_text(VIDEOS)
    return path
