"""Training-serving skew: every feature of a sample, read from the online store and from the offline tables.

From there on both go through the same code (models/encoding/ranker.py), so equal features are equal ranker inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.lake.cut import cut_of
from feature_repo.lake.history import historical_features
from feature_repo.lake.taken import Taken
from feature_repo.registry import USER_ACTIVITY, USER_FEATURES, VIDEO_ACTIVITY, VIDEO_FEATURES
from feature_repo.schema import RANK_SERVICE
from feature_repo.store.config import STORE
from feature_repo.store.reader import OnlineReader
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.open import open_home_log
from feature_repo.stream.moved import Moved, moved_since

Array = np.ndarray[Any, Any]
PAIRS = 400
TOLERANCE = 1e-6  # relative: the online store has the precision of Feast's protobuf


@dataclass(frozen=True)
class Skew:
    """`share` of the values that differ, and the features among them."""

    pairs: int
    share: float
    features: tuple[str, ...]


def feature_skew(home: Home, pairs: int = PAIRS, seed: int = 0) -> Skew:
    """Compare random viewers and videos as of now. For those with events since the feature tables were built, only
    features that events do not change: a home may be serving meanwhile.

    Raises HomeError where the feature tables are older than the cut of the lake.
    """
    lake, world = cut_of(home), home.world()
    rng = np.random.default_rng(seed)
    user_ids = rng.choice(lake.users()["user_id"].to_pylist(), pairs).astype(object)
    with online_store(home) as url:
        reader = OnlineReader(url, world, read(STORE, home.root), background=False)
        try:
            users, catalog = reader.users(user_ids.tolist()), reader.snapshot()
        finally:
            reader.close()
        moved = _moved(home, url)  # after the states were read: what they may be ahead by is in it
    if not users or not len(catalog):
        return Skew(0, 0.0, ())
    rows = rng.integers(0, len(catalog), len(users))
    online = {name: _rows([user.columns()[name] for user in users]) for name in USER_FEATURES}
    online |= {name: column for name, column in catalog.rows(rows).items() if name in VIDEO_FEATURES}
    moments = pa.table(
        {
            "user_id": pa.array([user.user_id for user in users], pa.string()),
            "video_id": pa.array(catalog.video_ids[rows].tolist(), pa.string()),
            "timestamp_us": pa.array(np.full(len(users), world.now_us(), dtype=np.int64)),
        }
    )
    offline = historical_features(home, moments, RANK_SERVICE)
    offline["genres"] = multi_hot(list(offline["genres"]), world.genres)
    still_users = np.array([user.user_id not in moved.users for user in users])
    still_videos = np.array([video_id not in moved.videos for video_id in catalog.video_ids[rows]])
    still = dict.fromkeys(USER_ACTIVITY, still_users) | dict.fromkeys(VIDEO_ACTIVITY, still_videos)
    compared = sorted(set(online) & set(offline))
    differs = {name: _differs(online[name], offline[name])[still.get(name, slice(None))] for name in compared}
    share = float(np.mean([found.mean() for found in differs.values() if len(found)]))
    return Skew(len(users), share, tuple(name for name, found in differs.items() if found.any()))


def _moved(home: Home, url: str) -> Moved:
    taken = Taken.of(home.cut)
    assert taken is not None, "a cut was just read"
    log = open_home_log(home, url)
    try:
        return moved_since(home, taken, log)
    finally:
        log.close()


def _rows(parts: list[Array]) -> Array:
    return np.concatenate(parts)


def _differs(online: Array, offline: Array) -> Array:
    """(N,) bool."""
    if online.dtype == object:
        return np.array([list(a) != list(b) for a, b in zip(online, offline, strict=True)], dtype=bool)
    near: Array = np.isclose(online.astype(np.float64), offline.astype(np.float64), rtol=TOLERANCE, atol=1e-9)
    return np.asarray(~near if near.ndim == 1 else ~near.all(axis=1))
