"""The online store: features, votes, marks, lists and answers of one viewer.

Marks and votes have keys that only the store knows, so all keys are looked through, some thousands a round trip.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import redis

from feature_repo.people.holder import Place, Removed, Subject
from feature_repo.store.connect import Client, answering
from feature_repo.store.idempotency import ANSWER, BODY, body_id
from feature_repo.store.layout import (
    ACTIVE,
    EVENT_MARK,
    MAKING,
    STRANGERS,
    TAGGED,
    USER_IDS,
    VOTES,
    entity_key,
)
from feature_repo.store.made_lists import base_key, unpack
from feature_repo.store.valkey_server import append_only_files
from feature_repo.store.viewer_rows import FIELDS, decoded

AT_ONCE = 2_000  # keys of one round trip
REWRITE_SECONDS = 300.0  # longest wait for the server's file to be written anew


class OnlineStore:
    name = "online store"

    def export(self, place: Place, subject: Subject) -> Any:
        with answering():
            viewer = decoded(subject.user_id, place.store.hmget(entity_key("user_id", subject.user_id), FIELDS))
            base = unpack(place.store.get(base_key(subject.user_id)))
            found = {
                "features": viewer.values if viewer.known else {},
                "base": list(base.video_ids) if base else [],
                "marks": sorted(_marked(place.store, subject)),
                "votes": _votes(place.store, subject),
                "tagged": bool(place.store.sismember(TAGGED, subject.user_id)),
            }
        return {name: value for name, value in found.items() if value}

    def erase(self, place: Place, subject: Subject) -> Removed:
        with answering():
            marked = _marked(place.store, subject)
            subject.event_ids.update(marked)
            removed = _taken(place.store, subject, marked)
            removed["answers"] = _forget_answers(place.store, subject)
        return Removed(+removed)


def _taken(store: Client, subject: Subject, marked: Sequence[str]) -> Counter[str]:
    user_id, removed = subject.user_id, Counter[str]()
    base = base_key(user_id)
    commands = [
        ("features", "delete", (entity_key("user_id", user_id),)),
        ("bases", "delete", (base,)),
        ("bases", "delete", (MAKING + base,)),
        ("lists of viewers", "srem", (USER_IDS, user_id)),
        ("lists of viewers", "srem", (TAGGED, user_id)),
        ("lists of viewers", "zrem", (STRANGERS, user_id)),
        ("lists of viewers", "zrem", (ACTIVE, user_id)),
        *(("votes", "delete", (key,)) for key in _vote_keys(store, subject)),
        *(("claimed event ids", "delete", (BODY + body_id((user_id, one)),)) for one in sorted(subject.event_ids)),
        *(("marks", "hdel", (EVENT_MARK + one, user_id)) for one in marked),  # last: they name the other keys
    ]
    for start in range(0, len(commands), AT_ONCE):
        some = commands[start : start + AT_ONCE]
        with store.pipeline(transaction=False) as pipe:
            for _, command, arguments in some:
                getattr(pipe, command)(*arguments)
            for (kind, _, _), count in zip(some, pipe.execute(), strict=True):
                removed[kind] += count
    return removed


def _marked(store: Client, subject: Subject) -> list[str]:
    """The ids of this viewer's events that have a mark."""
    found: list[str] = []
    for keys in _keys(store, EVENT_MARK):
        with store.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hexists(key, subject.user_id)
            found += [
                key.decode().removeprefix(EVENT_MARK)
                for key, is_theirs in zip(keys, pipe.execute(), strict=True)
                if is_theirs
            ]
    return found


def _vote_keys(store: Client, subject: Subject) -> list[bytes]:
    mine = f"{VOTES}{subject.user_id}:".encode()
    return [
        key for keys in _keys(store, mine.decode()) for key in keys if key.removeprefix(mine).lstrip(b"-").isdigit()
    ]


def _votes(store: Client, subject: Subject) -> list[str]:
    return sorted({vote.decode() for key in _vote_keys(store, subject) for vote in store.smembers(key)})


def _forget_answers(store: Client, subject: Subject) -> int:
    """Delete the answers under idempotency keys that name events of this viewer."""
    removed = 0
    for keys in _keys(store, ANSWER):
        values = store.mget(keys)
        theirs = [key for key, value in zip(keys, values, strict=True) if value and _names(value, subject)]
        removed += store.delete(*theirs) if theirs else 0
    return removed


def _names(value: bytes, subject: Subject) -> bool:
    try:
        answer = msgspec.json.decode(value.partition(b"\n")[2])
        return not subject.event_ids.isdisjoint(answer["event_ids"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return False


def _keys(store: Client, prefix: str) -> Iterator[list[bytes]]:
    pattern = "".join(f"\\{one}" if one in "*?[]\\^" else one for one in prefix) + "*"
    cursor = 0
    while True:
        cursor, keys = store.scan(cursor, match=pattern, count=AT_ONCE)
        if keys:
            yield keys
        if not cursor:
            return


class StoreFiles:
    """The file of the embedded store: what was deleted stays in it until it is written anew."""

    name = "online store's files"

    def export(self, place: Place, subject: Subject) -> Any:
        return {}  # they hold what the store holds

    def erase(self, place: Place, subject: Subject) -> Removed:
        if append_only_files(place.home, place.url) is None:
            return Removed(why="a server of your own: what its files and copies hold goes as it is set up to")
        with answering():
            if not _begin(place.store):
                return Removed(left={"files": 1}, why="the store did not write its file anew in time; erase again")
            done = _wait(place.store)
        return (
            Removed() if done else Removed(left={"files": 1}, why="the store still writes its file anew; erase again")
        )


def _begin(store: Client) -> bool:
    """One that runs already began before the last deletion, maybe: another has to follow it."""
    deadline = time.monotonic() + REWRITE_SECONDS
    while time.monotonic() < deadline:
        if _wait(store):
            try:
                store.bgrewriteaof()
                return True
            except redis.ResponseError as error:
                if "in progress" not in str(error):
                    raise
    return False


def _wait(store: Client) -> bool:
    deadline = time.monotonic() + REWRITE_SECONDS
    while time.monotonic() < deadline:
        state = store.info("persistence")
        if not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]):
            return bool(state["aof_last_bgrewrite_status"] == "ok")
        time.sleep(0.02)
    return False
