"""Takes records out of a stream for good, while it is written to and read.

XDEL only marks an entry as deleted: its bytes stay in the server's memory, and go into every file that it writes, until
all neighbours of the entry are deleted, too. So the other entries are copied to a new stream, with the place of every
consumer group and the records that it has not acknowledged, which then takes the name of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import redis

from feature_repo.store.connect import Client

AT_ONCE = 1_000  # entries copied per round trip
TIMES_TRIED = 500  # the last step, which whoever writes to the stream or reads it meanwhile undoes

Fields = Mapping[bytes, bytes]
Keep = Callable[[bytes, Fields], bool]  # of an entry's id and fields


class Contended(redis.RedisError):
    """The stream was changed all the time."""


def rewritten(client: Client, name: str, keep: Keep) -> int:
    """Leave out the entries that are not to be kept; returns how many. Nothing is written if there are none."""
    if not any(not keep(*entry) for entry in _entries(client, name, b"-")):
        return 0
    copy = f"{{{name}}}:kept"
    client.delete(copy)
    removed, last = 0, b"-"
    for entry_id, fields in _entries(client, name, b"-"):
        removed += _put(client, copy, entry_id, fields, keep)
        last = b"(" + entry_id
    for _ in range(TIMES_TRIED):
        with client.pipeline(transaction=True) as transaction:
            transaction.watch(name)
            late = list(_entries(transaction, name, last))
            groups = transaction.xinfo_groups(name)
            pending = {group["name"]: _pending(transaction, name, group) for group in groups}
            newest = transaction.xinfo_stream(name)["last-generated-id"]
            transaction.multi()
            more = sum(_put(transaction, copy, entry_id, fields, keep) for entry_id, fields in late)
            _finish(transaction, copy, newest, groups, pending)
            transaction.rename(copy, name)
            try:
                transaction.execute()
                return removed + more
            except redis.WatchError:
                continue
    client.delete(copy)
    raise Contended(f"{name} changed at each of {TIMES_TRIED} attempts to rewrite it")


def _entries(client: Any, name: str, after: bytes) -> Any:
    while entries := client.xrange(name, min=after, count=AT_ONCE):
        yield from entries
        after = b"(" + entries[-1][0]


def _put(client: Any, copy: str, entry_id: bytes, fields: Fields, keep: Keep) -> bool:
    """Copy an entry; returns whether it was left out."""
    if not keep(entry_id, fields):
        return True
    client.xadd(copy, dict(fields), id=entry_id)
    return False


def _pending(client: Any, name: str, group: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    count = int(group["pending"])
    return list(client.xpending_range(name, group["name"], min="-", max="+", count=count)) if count else []


def _finish(
    transaction: Any,
    copy: str,
    newest: bytes,
    groups: list[Mapping[str, Any]],
    pending: Mapping[bytes, list[Mapping[str, Any]]],
) -> None:
    """Give the copy the groups of the old stream, each at its place. A record that is gone is not owed to anybody."""
    if not groups:  # also for a stream whose entries are all left out
        transaction.xgroup_create(copy, "none", id="0", mkstream=True)
        transaction.xgroup_destroy(copy, "none")
    for group in groups:
        transaction.xgroup_create(copy, group["name"], id=group["last-delivered-id"], mkstream=True)
        for one in pending[group["name"]]:
            transaction.xclaim(
                copy,
                group["name"],
                one["consumer"],
                min_idle_time=0,
                message_ids=[one["message_id"]],
                idle=int(one["time_since_delivered"]),
                retrycount=int(one["times_delivered"]),
                force=True,
                justid=True,
            )
    transaction.execute_command("XSETID", copy, newest)
