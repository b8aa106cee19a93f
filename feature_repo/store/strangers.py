"""Expiry of rows without a profile: otherwise, events with made-up ids could fill the store.

Such a row expires STRANGER_SECONDS after its last event, unless the viewer or video gets a profile.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from feature_repo.store.connect import Client
from feature_repo.store.layout import STRANGERS, USER_IDS, entity_key

STRANGER_SECONDS = 30 * 24 * 3600
SWEPT_AT_ONCE = 1_000


def let_expire(pipe: Any, *, user_ids: Iterable[str] = (), video_ids: Iterable[str] = ()) -> None:
    """Queue the expiry of these rows, which a later event postpones."""
    expires = time.time() + STRANGER_SECONDS
    for user_id in user_ids:
        pipe.expire(entity_key("user_id", user_id), STRANGER_SECONDS)
        pipe.zadd(STRANGERS, {user_id: expires})
    for video_id in video_ids:
        pipe.expire(entity_key("video_id", video_id), STRANGER_SECONDS)


def settle(client: Client, join_key: str, known: Sequence[str], seen: Iterable[str], batch_rows: int) -> None:
    """Persist the rows with a profile, and let the others expire. `join_key`: "user_id" or "video_id"."""
    strangers = iter(sorted(set(seen) - set(known)))
    named = "user_ids" if join_key == "user_id" else "video_ids"
    for start in range(0, len(known), batch_rows):
        with client.pipeline(transaction=False) as pipe:
            for entity_id in known[start : start + batch_rows]:
                pipe.persist(entity_key(join_key, entity_id))
            pipe.execute()
    while chunk := list(islice(strangers, batch_rows)):
        with client.pipeline(transaction=False) as pipe:
            let_expire(pipe, **{named: chunk})
            pipe.execute()


def sweep(client: Client) -> int:
    """Remove viewers whose rows have expired from the set of all viewers; returns how many, at most SWEPT_AT_ONCE."""
    due = client.zrangebyscore(STRANGERS, "-inf", time.time(), start=0, num=SWEPT_AT_ONCE)
    if not due:
        return 0
    with client.pipeline(transaction=False) as pipe:
        for user_id in due:
            pipe.exists(entity_key("user_id", user_id.decode()))
        gone = [user_id for user_id, there in zip(due, pipe.execute(), strict=True) if not there]
        if gone:
            pipe.srem(USER_IDS, *gone)
        pipe.zrem(STRANGERS, *due)  # of those that are still there, they have a profile by now
        pipe.execute()
    return len(gone)
