"""Reads all videos from the online store, column by column: a million of them make no million objects of anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import World
from feature_repo.core.row_map import RowMap
from feature_repo.core.texts import Packing
from feature_repo.registry import VIDEO_FEATURES, VIEWS, default_of
from feature_repo.schema import FLOAT, INT, VIDEO_VIEWS
from feature_repo.store.connect import Client
from feature_repo.store.layout import TAKEN_DOWN, VIDEO_IDS, decode, encode, entity_key, field
from feature_repo.store.packed_catalog import (
    ID_HASHES,
    ID_ROWS,
    IDS,
    KINDS,
    PackedCatalog,
    Pieces,
    index_pieces,
    taken_down_pieces,
    text_pieces,
)
from feature_repo.text_index.build import FIELDS

Array = np.ndarray[Any, Any]
Raw = bytes | None  # a value as the store holds it; None, or empty: it was never written

CHUNK = 256  # videos per round trip; between two chunks, request threads can run
MOST_KNOWN = 1 << 16  # stored numbers whose values are remembered

_DOUBLE = np.dtype([("tag", "u1"), ("value", "<f8")])  # a feast.types.Value of a double
_DOUBLE_TAG = 0x29


def read_catalog(client: Client, world: World, advance: Callable[[], None] = lambda: None) -> PackedCatalog:
    """Rows ascend by id; `advance` is called after each chunk. Raises the client's errors."""
    ids = sorted(raw.decode() for raw in client.smembers(VIDEO_IDS))
    taken_down = {raw.decode() for raw in client.smembers(TAKEN_DOWN)}
    columns = {name: _column(name, dtype) for name, dtype in VIDEO_FEATURES.items()}
    fields = [field(view, name) for view in VIDEO_VIEWS for name in VIEWS[view]]
    for start in range(0, len(ids), CHUNK):
        with client.pipeline(transaction=False) as pipe:
            for video_id in ids[start : start + CHUNK]:
                pipe.hmget(entity_key("video_id", video_id), fields)
            answers = pipe.execute()
        for column, values in zip(columns.values(), zip(*answers, strict=True), strict=True):
            column.extend(values)
        advance()
        time.sleep(0)
    hashes, rows = RowMap.of(ids).hashed()
    pieces: dict[str, Sequence[Array]] = {ID_HASHES: [hashes], ID_ROWS: [rows]}
    for column in columns.values():
        pieces |= column.pieces()
    packed = PackedCatalog(pieces)
    pieces["genres"] = [_multi_hot(packed, world)]
    pieces |= index_pieces({name: packed.texts(name).view() for name in FIELDS}, len(ids), advance)
    return PackedCatalog({**pieces, **text_pieces(IDS, np.array(ids, dtype=object)), **taken_down_pieces(taken_down)})


class _Numbers:
    def __init__(self, name: str, dtype: str) -> None:
        self._name = name
        self._dtype = dtype
        self._default = encode(dtype, default_of(name))
        self._known: dict[bytes, Any] = {}
        self._chunks: list[Array] = [np.zeros(0, dtype=np.int64 if dtype == INT else np.float64)]

    def extend(self, raw: Iterable[Raw]) -> None:
        filled = [one or self._default for one in raw]
        self._chunks.append(self._doubles(filled) if self._dtype == FLOAT else self._decoded(filled))

    def pieces(self) -> Pieces:
        return {self._name: [np.concatenate(self._chunks)]}

    def _doubles(self, filled: Sequence[bytes]) -> Array:
        if all(len(one) == _DOUBLE.itemsize for one in filled):
            found = np.frombuffer(b"".join(filled), dtype=_DOUBLE)
            if (found["tag"] == _DOUBLE_TAG).all():
                return found["value"].astype(np.float64)
        return self._decoded(filled)

    def _decoded(self, filled: Sequence[bytes]) -> Array:
        if len(self._known) + len(filled) > MOST_KNOWN:
            self._known = {}
        known = self._known
        for one in filled:
            if one not in known:
                known[one] = decode(self._dtype, one)
        return np.array([known[one] for one in filled], dtype=self._chunks[0].dtype)


class _Texts:
    def __init__(self, name: str, dtype: str) -> None:
        self._name = name
        self._dtype = dtype
        self._column = "genre_names" if name == "genres" else name
        self._packing = Packing(KINDS[self._column])

    def extend(self, raw: Iterable[Raw]) -> None:
        self._packing.extend(raw, self._decoded)

    def pieces(self) -> Pieces:
        return text_pieces(self._column, self._packing.packed())

    def _decoded(self, raw: Raw) -> Any:
        return decode(self._dtype, raw) if raw else default_of(self._name)


def _column(name: str, dtype: str) -> _Numbers | _Texts:
    return _Numbers(name, dtype) if dtype in (INT, FLOAT) else _Texts(name, dtype)


def _multi_hot(catalog: PackedCatalog, world: World) -> Array:
    """(N, GENRE_SLOTS) float32."""
    column = catalog.texts("genre_names").view()
    words = column.vocabulary
    hot: Array = multi_hot(words.words(np.arange(words.size)), world.genres)
    return hot[column.codes]
