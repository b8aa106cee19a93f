"""Looks for an id in everything that a home holds: bytes of files, cells of tables, rows of databases, keys and values
of the online store. It knows nothing of who should hold what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from feature_repo.store.connect import connect


def traces(root: Path, url: str, user_id: str) -> set[str]:
    """Where the id is, as text anywhere: give it one that is part of nothing else."""
    return in_files(root, user_id) | in_store(url, user_id)


def in_files(root: Path, user_id: str) -> set[str]:
    found = set()
    for path in root.rglob("*"):
        try:
            if path.is_symlink() or not path.is_file():
                continue
            content = path.read_bytes()
            inside = user_id if user_id.encode() in content else str(_parsed(path, content))
        except FileNotFoundError:
            continue
        if user_id in inside or user_id in path.name:
            found.add(path.relative_to(root).as_posix())
    return found


def in_store(url: str, user_id: str) -> set[str]:
    client = connect(url, 5.0)
    try:
        return {
            repr(key) for key in client.scan_iter(count=1_000) if user_id.encode() in key + b"".join(_held(client, key))
        }
    finally:
        client.close()


def _parsed(path: Path, content: bytes) -> Any:
    if content.startswith(b"PAR1"):
        return pq.ParquetFile(path).read().to_pydict()
    if content.startswith(b"SQLite format 3"):
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return [database.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]
        finally:
            database.close()
    return ""


def _held(client: Any, key: bytes) -> list[bytes]:
    """The value as the server keeps it, with the deleted records of a stream, and as it gives it out."""
    kind = client.type(key)
    packed: bytes = client.execute_command("DUMP", key) or b""
    read: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: [client.get(key) or b""],
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"list": lambda: client.lrange(key, 0, -1),
        b"none": list,  # it expired meanwhile
        b"stream": lambda: [part for _, fields in client.xrange(key) for pair in fields.items() for part in pair],
    }
    return [packed, *read[kind]()]
