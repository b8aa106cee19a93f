"""A program: the toy world's features as training joins them and as serving reads them, through whatever source tree is
first on the path. It prints where the two differ, and the ranker's columns.

    python train_and_serve.py HOME
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.compute.columns import RankColumns, repeated
from feature_repo.compute.crosses import multi_hot
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.history import historical_features
from feature_repo.registry import VIEWS, entity_of
from feature_repo.schema import RANK_SERVICE, USER_VIEWS, VIDEO_VIEWS
from feature_repo.store.layout import decode_row, encode_row, row_fields
from feature_repo.store.memory import MemoryReader
from models.encoding.ranker import RankerEncoding, rank_columns
from training.data.rate_tables import Exposures


def context(now_us: int, n: int) -> dict[str, Any]:
    return context_columns([now_us] * n, ["mobile"] * n, [60] * n, ["home"] * n)


def stored(home: Home, views: tuple[str, ...], forgotten: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """What the online store would give of every entity; as if it had been written before features were `forgotten`."""
    written: dict[str, dict[bytes, bytes]] = {}
    for view in views:
        for row in pq.read_table(home.features / f"{view}.parquet").to_pylist():
            entity = row[entity_of(view)]
            values = {name: row[name] for name in VIEWS[view] if row[name] is not None and name not in forgotten}
            written.setdefault(entity, {}).update(encode_row(view, values, 1))
    return {
        entity: decode_row(views, [fields.get(name) for name in row_fields(views)])[0]
        for entity, fields in written.items()
    }


def trained(home: Home, user_ids: list[str], video_ids: list[str], now_us: int) -> RankColumns:
    rows = pa.table(
        {
            "user_id": np.repeat(user_ids, len(video_ids)).tolist(),
            "video_id": video_ids * len(user_ids),
            "timestamp_us": pa.array(np.full(len(user_ids) * len(video_ids), now_us)),
        }
    )
    found = historical_features(home, rows, RANK_SERVICE)
    ids = {name: rows[name].to_numpy(zero_copy_only=False) for name in ("user_id", "video_id")}
    joined = {**found, **ids, "genres": multi_hot(list(found["genres"]), home.world().genres)}
    n = len(rows)
    return rank_columns(joined, joined, context(now_us, n), np.zeros(n, dtype=np.float32), home.world())


def served(home: Home, user_ids: list[str], video_ids: list[str], now_us: int) -> list[RankColumns]:
    """A request of each viewer."""
    reader = MemoryReader(home.world(), stored(home, USER_VIEWS), stored(home, VIDEO_VIEWS))
    snapshot = reader.snapshot()
    videos = {
        **snapshot.rows([snapshot.row_of[one] for one in video_ids]),
        "video_id": np.array(video_ids, dtype=object),
    }
    score = np.zeros(len(video_ids), dtype=np.float32)
    users = [{**reader.user(user_id).columns(), "user_id": np.array([user_id], dtype=object)} for user_id in user_ids]
    return [rank_columns(user, videos, context(now_us, 1), score, home.world()) for user in users]


def main(home: Home, new_state: str) -> dict[str, Any]:
    build_features(home)
    now_us = home.world().now_us()
    user_ids, video_ids = sorted(stored(home, USER_VIEWS)), sorted(stored(home, VIDEO_VIEWS))
    of_training, of_requests = trained(home, user_ids, video_ids, now_us), served(home, user_ids, video_ids, now_us)
    together = {name: np.concatenate([repeated(one)[name] for one in of_requests]) for name in of_training}
    rates = Exposures.read(home).before(now_us)
    encoding = RankerEncoding.fit(repeated(of_training) | rates.columns(of_training), rates)
    dense = [encoding.encode(one).dense for one in of_requests]
    old = stored(home, VIDEO_VIEWS, forgotten=(new_state,)) if new_state else {}
    return {
        "differ": [name for name, column in repeated(of_training).items() if not _equal(column, together[name])],
        "encoded_alike": bool(np.array_equal(np.concatenate(dense), encoding.encode(of_training).dense)),
        "numbers": {name: dense[0][:, at].tolist() for at, name in enumerate(encoding.numbers)},
        "values": {name: column.tolist() for name, column in together.items() if column.ndim == 1},
        "categories": list(encoding.categories),
        "old_states": [row[new_state] for row in old.values()],
    }


def _equal(one: Any, other: Any) -> bool:
    return bool(one.tolist() == other.tolist())


if __name__ == "__main__":
    print(json.dumps(main(Home(Path(sys.argv[1])), sys.argv[2] if len(sys.argv) > 2 else "")))
