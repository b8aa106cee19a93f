"""Random videos in an online store: every feature said of some of them, and not of others."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.registry import VIEWS
from feature_repo.schema import FLOAT, INT, STRING, VIDEO_VIEWS
from feature_repo.store.connect import Client
from feature_repo.store.layout import announce, encode_row, entity_key

WORDS = ("Drama", "News", "Comedy", "Ærlig talt", "東京", "", "x" * 300)
AS_OF_US = 1_750_000_000_000_000


def publish_random(client: Client, ids: list[str], seed: int) -> None:
    """Write these videos, without those parts that chance leaves out, and announce them."""
    rng = np.random.default_rng(seed)
    pipe = client.pipeline(transaction=False)
    for video_id in ids:
        fields: dict[bytes, bytes] = {}
        for view in VIDEO_VIEWS:
            said = {name: _value(dtype, rng) for name, dtype in VIEWS[view].items() if rng.random() < 0.8}
            if rng.random() < 0.9:
                fields |= encode_row(view, said, AS_OF_US)
        fields |= {name: b"" for name in fields if rng.random() < 0.02}  # null
        pipe.hset(entity_key("video_id", video_id), mapping=fields or {b"unknown": b""})
    pipe.execute()
    announce(client, video_ids=ids)


def _value(dtype: str, rng: np.random.Generator) -> Any:
    if dtype == INT:
        return (0, 1, -5, 2**40, -(2**62), int(rng.integers(0, 10**6)))[rng.integers(0, 6)]
    if dtype == FLOAT:
        return (0.0, 1.5, -1e300, 1e-300, float(rng.normal()))[rng.integers(0, 5)]
    if dtype == STRING:
        return WORDS[rng.integers(0, len(WORDS))] + str(rng.integers(0, 9)) * int(rng.integers(0, 2))
    return [WORDS[at] for at in rng.integers(0, len(WORDS), int(rng.integers(0, 4)))]
