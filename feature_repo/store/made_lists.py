"""Lists of videos made before anybody asks: one viewer's base, and a segment's list; ids only, packed.

Whoever reads a list applies every filter again: a list says what was worth showing, never what may be shown. It carries
what it was made from, so that a reader can tell what it is still good for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from feature_repo.store.connect import Client, StoreDown, answering
from feature_repo.store.layout import MAKING, RECS_BASE, SEGMENT

JITTER = 0.2  # of a lifetime: lists that were made together do not end together


class MadeList(msgspec.Struct, frozen=True, array_like=True):
    release_id: str
    made_us: int  # by the world's clock
    catalog_us: int  # as_of_us of the catalog that it was made from
    viewer_us: int  # as_of_us of the viewer's features; another one now: there were events since
    vector: bytes  # (D,) little-endian float32: the viewer's, of the release's two-tower model
    video_ids: tuple[str, ...]  # best first

    @property
    def user_vector(self) -> NDArray[np.float32]:
        return np.frombuffer(self.vector, dtype="<f4")

    def is_current(self, release_id: str, viewer_us: int, now_us: int, seconds: float) -> bool:
        """Whether it is of this release, at most so old, and there were no events of the viewer since."""
        is_new = now_us - self.made_us <= seconds * 1e6
        return self.release_id == release_id and self.viewer_us == viewer_us and is_new


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MadeList).decode


def pack(made: MadeList) -> bytes:
    return _encode(made)


def unpack(packed: bytes | None) -> MadeList | None:
    """None for nothing, and for what another version of Marquee has packed: it is made again."""
    if packed is None:
        return None
    try:
        return _decode(packed)
    except msgspec.DecodeError:
        return None


def base_key(user_id: str) -> str:
    return f"{RECS_BASE}{{{user_id}}}"  # the braces keep what is of one viewer in one slot of a cluster


def segment_key(segment: str) -> str:
    return f"{SEGMENT}{{{segment}}}"


class ListStore(Protocol):
    """Packed lists by key, each with a lifetime. Every method raises StoreDown."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, lists: Mapping[str, bytes], seconds: float) -> None:
        """Keep these, in place of what was there, for up to `seconds`."""
        ...

    def lease(self, key: str, seconds: float) -> bool:
        """Whether to make what belongs under this key: True for one caller of all processes in so many seconds."""
        ...


class ValkeyLists:
    """In the online store. `client` reads, and has a page's patience; `bulk` writes."""

    def __init__(self, client: Client, bulk: Client) -> None:
        self._client = client
        self._bulk = bulk

    def get(self, key: str) -> bytes | None:
        with answering():
            found: bytes | None = self._client.get(key)
            return found

    def put(self, lists: Mapping[str, bytes], seconds: float) -> None:
        with answering(), self._bulk.pipeline(transaction=False) as pipe:
            for key, packed in lists.items():
                pipe.set(key, packed, px=max(int(1e3 * lifetime(key, seconds)), 1))
            pipe.execute()

    def lease(self, key: str, seconds: float) -> bool:
        with answering():
            return bool(self._bulk.set(MAKING + key, 1, nx=True, px=max(int(1e3 * seconds), 1)))


class MemoryLists:
    """The shipped double; while `is_down` it fails like a dead store. Thread-safe."""

    def __init__(self, is_down: Callable[[], bool] = lambda: False) -> None:
        self._is_down = is_down
        self._kept: dict[str, tuple[bytes, float]] = {}  # with when it ends, monotonic seconds
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        self._require_up()
        packed, ends = self._kept.get(key, (None, 0.0))
        return packed if time.monotonic() < ends else None

    def put(self, lists: Mapping[str, bytes], seconds: float) -> None:
        self._require_up()
        now = time.monotonic()
        with self._lock:
            self._kept |= {key: (packed, now + lifetime(key, seconds)) for key, packed in lists.items()}

    def lease(self, key: str, seconds: float) -> bool:
        self._require_up()
        now = time.monotonic()
        with self._lock:
            if now < self._kept.get(MAKING + key, (b"", 0.0))[1]:
                return False
            self._kept[MAKING + key] = (b"", now + seconds)
            return True

    def _require_up(self) -> None:
        if self._is_down():
            raise StoreDown("these lists were told to be down")


def lifetime(key: str, seconds: float) -> float:
    """Of what is kept under this key: the same whenever it is made, and another one for another key."""
    return seconds * (1.0 - JITTER * crc32(key.encode()) / 2**32)
