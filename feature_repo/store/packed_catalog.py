"""The catalog as arrays that can be written to a file and mapped by every process.

video_id.*           ids, as the texts below
id_hashes, id_rows   row_map.HashedIds
taken_down.*         ids of videos that must not be shown, which may have no row
NAME                 a column of numbers; "genres" is the multi-hot
NAME.codes .offsets .data    a column of strings or lists: texts.PackedTexts
text_index.*         the index of its texts: text_index/index.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Any

import numpy as np

from feature_repo.core.growing import GrowingColumn, MappedColumn
from feature_repo.core.row_map import HashedIds
from feature_repo.core.texts import GrowingTexts, Kind, PackedTexts, Texts, Words
from feature_repo.registry import VIDEO_FEATURES
from feature_repo.schema import FLOAT, INT, STRING
from feature_repo.store.section_file import Sections
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.text_index.build import build
from feature_repo.text_index.index import ARRAYS, TextIndex

Array = np.ndarray[Any, Any]
Pieces = Mapping[str, Sequence[Array]]  # each array as pieces of it, which are not joined in memory

IDS, TAKEN_DOWN, ID_HASHES, ID_ROWS, TEXT_INDEX = "video_id", "taken_down", "id_hashes", "id_rows", "text_index"
CODES, OFFSETS, DATA = "codes", "offsets", "data"

NUMBERS = (*(name for name, dtype in VIDEO_FEATURES.items() if dtype in (INT, FLOAT)), "genres")
KINDS: Mapping[str, Kind] = {
    "genre_names" if name == "genres" else name: "string" if dtype == STRING else "list"
    for name, dtype in VIDEO_FEATURES.items()
    if dtype not in (INT, FLOAT)
}
GROWING = frozenset((*NUMBERS, *(f"{name}.{CODES}" for name in (IDS, *KINDS))))


class PackedCatalog:
    """In memory."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    def array(self, name: str) -> Array:
        pieces = self.pieces[name]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def column(self, name: str) -> GrowingColumn:
        return GrowingColumn(self.array(name))

    def texts(self, name: str) -> GrowingTexts:
        kind = KINDS.get(name, "string")
        codes = self.column(f"{name}.{CODES}")
        return GrowingTexts(codes, Words(kind, self.array(f"{name}.{OFFSETS}"), self.array(f"{name}.{DATA}")))

    def columns(self) -> dict[str, GrowingColumn | GrowingTexts]:
        """VideoSnapshot.columns, in the order of the registry."""
        names = (*VIDEO_FEATURES, "genre_names")
        return {name: self.texts(name) if name in KINDS else self.column(name) for name in names}

    def hashed_ids(self, ids: Texts) -> HashedIds:
        return HashedIds(ids, self.array(ID_HASHES), self.array(ID_ROWS))

    def taken_down_ids(self) -> frozenset[str]:
        return frozenset(self.texts(TAKEN_DOWN).view())

    def text_index(self) -> TextIndex:
        return TextIndex({name: self.array(f"{TEXT_INDEX}.{name}") for name in ARRAYS})


class MappedCatalog(PackedCatalog):
    """In a file."""

    def __init__(self, sections: Sections) -> None:
        self._sections = sections

    def array(self, name: str) -> Array:
        return self._sections.array(name)

    def column(self, name: str) -> GrowingColumn:
        if name not in GROWING:
            return super().column(name)
        return MappedColumn(len(self.array(name)), partial(self._sections.with_room, name))


def pieces_of(snapshot: VideoSnapshot, advance: Callable[[], None] = lambda: None) -> Pieces:
    """An edition of the catalog as it would be written; `advance` is called again and again."""
    hashes, rows = snapshot.row_of.hashed()
    pieces: dict[str, Sequence[Array]] = {ID_HASHES: [hashes], ID_ROWS: [rows]}
    pieces |= {name: [snapshot.columns[name]] for name in NUMBERS}
    for name in KINDS:
        pieces |= text_pieces(name, snapshot.columns[name])
    pieces |= text_pieces(IDS, snapshot.video_ids)
    pieces |= taken_down_pieces(snapshot.taken_down_ids)
    pieces |= index_pieces(snapshot.columns, len(snapshot), advance)
    return pieces


def index_pieces(columns: Mapping[str, Any], videos: int, advance: Callable[[], None]) -> Pieces:
    index = build(columns, np.arange(videos), advance)
    return {f"{TEXT_INDEX}.{name}": [index.arrays[name]] for name in ARRAYS}


def text_pieces(name: str, column: Any) -> Pieces:
    """`column`: Texts, PackedTexts, or an array of objects."""
    if isinstance(column, Texts):
        column = column.packed()
    elif not isinstance(column, PackedTexts):
        column = PackedTexts.of(KINDS.get(name, "string"), column)
    return {f"{name}.{CODES}": [column.codes], f"{name}.{OFFSETS}": column.offsets, f"{name}.{DATA}": column.data}


def taken_down_pieces(video_ids: Set[str]) -> Pieces:
    return text_pieces(TAKEN_DOWN, PackedTexts.of("string", sorted(video_ids)))
