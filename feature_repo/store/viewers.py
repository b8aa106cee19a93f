"""Who the viewers are: all of them, and those of whom there were events lately."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from feature_repo.store.connect import Client, answering
from feature_repo.store.layout import ACTIVE, USER_IDS

ACTIVE_SECONDS = 24 * 3600.0  # longer ago, nobody asks who was active
AT_ONCE = 5_000


def note_active(pipe: Any, user_ids: Iterable[str]) -> None:
    """Queue that there were events of these viewers just now."""
    now = time.time()
    pipe.zadd(ACTIVE, dict.fromkeys(user_ids, now))


def forget_inactive(client: Client) -> None:
    client.zremrangebyscore(ACTIVE, "-inf", time.time() - ACTIVE_SECONDS)


def active_viewers(client: Client, seconds: float) -> list[str]:
    """Those of whom an event was folded in the last so many seconds, the latest first. Raises StoreDown."""
    with answering():
        return [one.decode() for one in client.zrevrangebyscore(ACTIVE, "+inf", time.time() - seconds)]


def all_viewers(client: Client) -> list[str]:
    """Every viewer with a profile or an event, sorted. Raises StoreDown."""
    with answering():
        return sorted({one.decode() for one in client.sscan_iter(USER_IDS, count=AT_ONCE)})
