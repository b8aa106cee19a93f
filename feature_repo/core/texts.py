"""Columns of strings, or of lists of strings, that are decoded where they are read.

As in Arrow's dictionary encoding, each row is a code into words, and the words are one buffer of bytes with offsets:
three arrays that processes can map from one file. Making an object for every row would cost most at start, and a page
shows fifty of them.

N rows, D words.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from feature_repo.core.growing import GrowingColumn

Array = np.ndarray[Any, Any]
Kind = Literal["string", "list"]

MOST_KNOWN = 1 << 16  # words that are looked up when packing; of a column with more, a word may be kept twice
AT_ONCE = 4_096  # rows that are decoded together when a whole column is read

_encode_list = msgspec.msgpack.Encoder().encode
_decode_list = msgspec.msgpack.Decoder(list).decode


@dataclass(frozen=True)
class PackedTexts:
    """A column as arrays; those of its words in pieces that follow each other."""

    codes: Array  # (N,) int32, of words
    offsets: Sequence[Array]  # (D + 1,) int64, of each word in `data`
    data: Sequence[Array]  # uint8: UTF-8 of strings, msgpack of lists

    @classmethod
    def of(cls, kind: Kind, values: Iterable[Any]) -> PackedTexts:
        packing = Packing(kind)
        packing.extend(values, lambda value: value)
        return packing.packed()


class Packing:
    """Packs values as they come; equal ones once, as long as there are few."""

    def __init__(self, kind: Kind) -> None:
        self._kind: Kind = kind
        self._codes = array("i")
        self._offsets = array("q", [0])
        self._data = bytearray()
        self._known: dict[Any, int] = {}

    def extend(self, raw: Iterable[Any], decode: Callable[[Any], Any]) -> None:
        """`decode` makes a string, or a list of strings, of what is not known yet."""
        known, codes = self._known, self._codes
        for one in raw:
            key = one if one.__hash__ is not None else tuple(one)
            code = known.get(key)
            if code is None:
                if len(known) >= MOST_KNOWN:
                    known.clear()
                code = known[key] = self._add(decode(one))
            codes.append(code)

    def packed(self) -> PackedTexts:
        codes = np.frombuffer(self._codes, dtype=np.int32)
        return PackedTexts(codes, [np.frombuffer(self._offsets, dtype=np.int64)], [np.frombuffer(self._data, np.uint8)])

    def _add(self, value: Any) -> int:
        self._data += value.encode() if self._kind == "string" else _encode_list(value)
        self._offsets.append(len(self._data))
        return len(self._offsets) - 2


class Words:
    """The words of a column: those of a file, and those that were added since. Only ever appended to."""

    def __init__(self, kind: Kind, offsets: Array, data: Array) -> None:
        self.kind: Kind = kind
        self.offsets = offsets
        self.data = data
        self.size = len(offsets) - 1
        self._bytes = data.data
        self.added: list[Any] = []  # strings, and lists as tuples
        self._code_of: dict[Any, int] = {}  # of those that were added

    def word(self, code: int) -> Any:
        if code >= self.size:
            added = self.added[code - self.size]
            return added if self.kind == "string" else list(added)
        start, end = self.offsets[code : code + 2].tolist()
        encoded = self._bytes[start:end]
        return str(encoded, "utf-8") if self.kind == "string" else _decode_list(encoded)

    def words(self, codes: Array) -> list[Any]:
        """Of each of these codes."""
        if self.added and len(codes) and int(codes.max()) >= self.size:
            return [self.word(code) for code in codes.tolist()]
        starts, ends = self.offsets[codes].tolist(), self.offsets[codes + 1].tolist()
        data = self._bytes
        if self.kind == "string":
            return [str(data[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]
        return [_decode_list(data[start:end]) for start, end in zip(starts, ends, strict=True)]

    def codes(self, values: Iterable[Any]) -> Array:
        """(n,) int32 of these values, which are added."""
        return np.fromiter(map(self._code, values), dtype=np.int32)

    def _code(self, value: Any) -> int:
        key = value if self.kind == "string" else tuple(value)
        code = self._code_of.get(key)
        if code is None:
            self.added.append(key)
            code = self._code_of[key] = self.size + len(self.added) - 1
        return code


class Texts:
    """One edition of a column. It reads as an array of objects does: by row, by rows, and one after another."""

    dtype = np.dtype(object)
    ndim = 1

    __slots__ = ("__weakref__", "codes", "vocabulary")

    def __init__(self, codes: Array, vocabulary: Words) -> None:
        self.codes = codes  # (N,) int32
        self.vocabulary = vocabulary

    @property
    def shape(self) -> tuple[int]:
        return (len(self.codes),)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Any:
        """A value for a row's number; else an array of objects."""
        codes = self.codes[rows]
        if codes.ndim == 0:
            return self.vocabulary.word(int(codes))
        found = np.empty(len(codes), dtype=object)
        for at, value in enumerate(self.vocabulary.words(codes)):  # numpy would make lists of one length a matrix
            found[at] = value
        return found

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self.codes), AT_ONCE):
            yield from self.vocabulary.words(self.codes[start : start + AT_ONCE])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole: Array = self[:]
        return whole

    def tolist(self) -> list[Any]:
        return list(self)

    def packed(self) -> PackedTexts:
        words = self.vocabulary
        if not (added := words.added[:]):
            return PackedTexts(self.codes, [words.offsets], [words.data])
        more = PackedTexts.of(words.kind, added)
        return PackedTexts(
            self.codes,
            [words.offsets, *(offsets[1:] + len(words.data) for offsets in more.offsets)],
            [words.data, *more.data],
        )


class GrowingTexts:
    """A column that grows and changes as growing.GrowingColumn does."""

    def __init__(self, codes: GrowingColumn, vocabulary: Words) -> None:
        self._codes = codes
        self._words = vocabulary
        self._view = Texts(codes.view(), vocabulary)

    def __len__(self) -> int:
        return len(self._codes)

    def view(self) -> Texts:
        """The rows as of now, the same object until one changes."""
        return self._view

    def append(self, values: Sequence[Any] | Array) -> None:
        self._codes.append(self._words.codes(values))
        self._view = Texts(self._codes.view(), self._words)

    def rewrite(self, rows: Array, values: Sequence[Any] | Array) -> None:
        self._codes.rewrite(rows, self._words.codes(values))
        self._view = Texts(self._codes.view(), self._words)


def alike(columns: Sequence[Texts | Array], rows: Array) -> tuple[Array, Array]:
    """(K,) a few of these rows, and (n,) for each row one of them that equals it in all `columns`: what depends on
    nothing else need not be computed for every row. Of a column that is not of texts nothing is known: all rows."""
    which = np.zeros(len(rows), dtype=np.int64)
    some = rows[:1]
    for column in columns:
        if not isinstance(column, Texts):
            return rows, np.arange(len(rows))
        pairs = (which << 32) | column.codes[rows]
        _, first, which = np.unique(pairs, return_index=True, return_inverse=True)
        some = rows[first]
    return some, which
