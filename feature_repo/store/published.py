"""Videos of the catalog in the online store: written as each is published, changed or taken down.

A video's row holds the catalog's state of it beside Feast's fields, so that row, state and the sets of ids change
together, and an older change never overwrites a newer one. Videos that only batch jobs have written have no state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from feature_repo.registry import VIDEO_PROFILE, default_of
from feature_repo.store.connect import Client
from feature_repo.store.layout import (
    CATALOG_STATE,
    MATERIALIZING,
    NEWS,
    PUBLISHED,
    PUBLISHED_MEANWHILE,
    TAKEN_DOWN,
    VIDEO_CHANGES,
    VIDEO_CHANGES_KEPT,
    VIDEO_IDS,
    encode_row,
    entity_key,
)

AT_ONCE = 500  # videos written in one transaction


class Publication(msgspec.Struct, frozen=True):
    """One video as of a version of it in the catalog."""

    video_id: str
    version: int
    at_us: int
    is_down: bool  # taken down, expired or withdrawn: it must not be shown
    profile: Mapping[str, Any]  # of registry.VIDEO_PROFILE; what is absent gets its default. Empty: the row stays


@dataclass(frozen=True, slots=True)
class CatalogState:
    """What the catalog said last of a video."""

    version: int
    is_down: bool

    def encode(self) -> bytes:
        return f"{self.version} {'down' if self.is_down else 'live'}".encode()

    @classmethod
    def decode(cls, data: bytes | None) -> CatalogState | None:
        if not data:
            return None
        version, _, word = data.decode().partition(" ")
        return cls(int(version), word == "down")


def publish(client: Client, publications: Iterable[Publication]) -> int:
    """Write these videos and announce them to readers; returns how many, those that were not older than the stored.

    All or none of AT_ONCE at a time. While a batch job writes, they are also kept for it to write again: Feast compares
    times and writes in two steps, so it may overwrite a row that is published in between. Raises the client's errors.
    """
    newest: dict[str, Publication] = {}
    for one in publications:
        if one.video_id not in newest or newest[one.video_id].version <= one.version:
            newest[one.video_id] = one
    return _in_chunks(client, newest, keep=True)


def publish_again(client: Client) -> int:
    """Write again what was published during a batch write: called by the job, after Feast's last row."""
    raw = client.lrange(PUBLISHED_MEANWHILE, 0, -1)
    kept = [msgspec.json.decode(one, type=Publication) for one in raw]
    written = _in_chunks(client, {one.video_id: one for one in kept}, keep=False)
    client.ltrim(PUBLISHED_MEANWHILE, len(raw), -1)
    return written


def states(client: Client, video_ids: Sequence[str], batch_rows: int) -> dict[str, CatalogState]:
    """What the catalog said last of each of these videos, without those that only batch jobs have written."""
    found: dict[str, CatalogState] = {}
    for start in range(0, len(video_ids), batch_rows):
        chunk = video_ids[start : start + batch_rows]
        said = zip(chunk, _states(client, chunk), strict=True)
        found |= {video_id: state for video_id, state in said if state is not None}
    return found


def _in_chunks(client: Client, newest: Mapping[str, Publication], keep: bool) -> int:
    several = list(newest.values())
    return sum(_publish(client, several[start : start + AT_ONCE], keep) for start in range(0, len(several), AT_ONCE))


def _publish(client: Client, several: Sequence[Publication], keep: bool) -> int:
    while True:
        with client.pipeline(transaction=True) as transaction:
            transaction.watch(MATERIALIZING, *(entity_key("video_id", one.video_id) for one in several))
            stored = _states(client, [one.video_id for one in several])
            due = [
                one for one, state in zip(several, stored, strict=True) if state is None or state.version <= one.version
            ]
            if not due:
                return 0
            is_kept = keep and bool(client.exists(MATERIALIZING))
            transaction.multi()
            _queue(transaction, due)
            if is_kept:
                transaction.rpush(PUBLISHED_MEANWHILE, *map(msgspec.json.encode, due))
            try:
                transaction.execute()
            except redis.WatchError:
                continue  # an event of one of them was folded, or another process published it
            return len(due)


def _queue(transaction: Any, due: Sequence[Publication]) -> None:
    for one in due:
        key = entity_key("video_id", one.video_id)
        fields = {CATALOG_STATE: CatalogState(one.version, one.is_down).encode()}
        if one.profile:
            row = {name: one.profile[name] if name in one.profile else default_of(name) for name in VIDEO_PROFILE}
            fields |= encode_row("video_profile", row, one.at_us)
        transaction.hset(key, mapping=fields)
        transaction.persist(key)  # events on a video that was not known yet let its row expire
    down, live = ([one.video_id for one in due if one.is_down is is_down] for is_down in (True, False))
    if down:
        transaction.srem(VIDEO_IDS, *down)
        transaction.sadd(TAKEN_DOWN, *down)
    if live:
        transaction.srem(TAKEN_DOWN, *live)
        transaction.sadd(VIDEO_IDS, *live)
    transaction.xadd(NEWS, {b"": b""}, maxlen=1)
    announced = dict.fromkeys((one.video_id for one in due), PUBLISHED)
    transaction.xadd(VIDEO_CHANGES, announced, maxlen=VIDEO_CHANGES_KEPT, approximate=True)


def _states(client: Client, video_ids: Sequence[str]) -> list[CatalogState | None]:
    with client.pipeline(transaction=False) as pipe:
        for video_id in video_ids:
            pipe.hget(entity_key("video_id", video_id), CATALOG_STATE)
        return [CatalogState.decode(raw) for raw in pipe.execute()]
