"""The limits applied to whole columns: what `limits.check` does for one value, vectorized.

Invalid rows are not dropped here: the caller rejects the rows or the file, and names them.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.limits import LIMITS, Clock, Limit, LimitError, checked

Array = np.ndarray[Any, Any]

# Printable ASCII without leading or trailing blanks, as nearly all ids and most titles are: needs no closer look.
_PLAIN = r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_TYPES = {
    "id": pa.string(),
    "word": pa.string(),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "whole": pa.int64(),
    "moment": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


class Checked(NamedTuple):
    """N values as Marquee stores them: Unicode NFC, ids as text, missing values as the default."""

    values: pa.Array  # N; null where bad
    bad: Array  # (N,) bool: outside the limit, to be refused or rejected
    reason: str  # what was expected instead of a bad value
    repaired: Array  # (N,) bool: truncated, or replaced by the default


def check_column(table: str, field: str, column: Any, clock: Clock | None = None) -> Checked:
    """`column`: an Arrow or numpy array, or a list, of N values; numbers may also be written as text.

    Does not check uniqueness: see `repeats`.
    """
    limit = LIMITS[table][field].within(clock)
    found = _one_array(column)
    empty = found.is_null().to_numpy(zero_copy_only=False)
    if limit.kind in ("whole", "number", "moment"):
        return _numbers(limit, found, empty)
    if limit.kind == "flag":
        bad = np.full(len(found), not (pa.types.is_boolean(found.type) or bool(empty.all())))
        is_flag = pa.types.is_boolean(found.type)
        values = found if is_flag else pa.nulls(len(found), pa.bool_())
        return Checked(values.fill_null(bool(limit.default)), bad, limit.expectation, np.zeros(len(found), bool))
    if limit.kind == "texts":
        return _by_value(limit, found, np.arange(len(found)))
    if pa.types.is_integer(found.type):
        found = _digits(found)
    return _by_value(limit, found, np.flatnonzero(~_plain(limit, found)))


def repeats(column: Any) -> Array:
    """(N,) int64: for each row the first row with the same value; -1 for that first row itself, and for null."""
    found = _one_array(column)
    codes = found.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    first_of_row: Array = first[inverse.reshape(-1)].astype(np.int64)
    first_of_row[(first_of_row == np.arange(len(codes))) | (codes < 0)] = -1
    return first_of_row


def _numbers(limit: Limit, found: pa.Array, empty: Array) -> Checked:
    numbers, blank, unread = _as_numbers(found)
    empty = empty | blank
    with np.errstate(invalid="ignore"):
        inside = (numbers >= limit.least) & (numbers <= limit.most)
        if not limit.required:
            inside |= numbers == limit.default
        if limit.kind != "number" and numbers.dtype.kind == "f":
            inside &= numbers == np.floor(numbers)
    bad = (~inside & ~empty) | unread
    if limit.required:
        bad |= empty
    filled = np.where(bad | empty, 0, numbers)
    values = pa.array(filled).cast(_TYPES[limit.kind], safe=False)
    values = pc.if_else(pa.array(empty & ~bad), pa.scalar(limit.default, values.type), values)
    return Checked(_null_where(bad, values), bad, limit.expectation, np.zeros(len(bad), bool))


def _as_numbers(found: pa.Array) -> tuple[Array, Array, Array]:
    """The values, which rows are blank, and which rows are not numbers. (N,) each."""
    none = np.zeros(len(found), bool)
    if pa.types.is_integer(found.type):
        return found.fill_null(0).to_numpy(zero_copy_only=False), none, none
    if pa.types.is_floating(found.type):
        return found.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False), none, none
    if not pa.types.is_string(found.type):
        return np.zeros(len(found)), none, ~found.is_null().to_numpy(zero_copy_only=False)
    encoded = found.dictionary_encode()
    texts = [text.strip() for text in encoded.dictionary.to_pylist()]
    row = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    numbers = np.array([float(text) if _NUMBER.fullmatch(text) else np.nan for text in texts] + [0.0])
    blank = np.array([not text for text in texts] + [False])
    return numbers[row], blank[row], (np.isnan(numbers) & ~blank)[row]


def _digits(found: pa.Array) -> pa.Array:
    """Integers as ids; negative ones become " -", which is never valid."""
    return pc.if_else(pc.less(found, 0), pa.scalar(" -"), found.cast(pa.string()))


def _plain(limit: Limit, found: pa.Array) -> Array:
    """(N,) rows that are valid without a closer look."""
    if limit.pattern or limit.values or not pa.types.is_string(found.type):
        return np.zeros(len(found), bool)
    short = pc.less_equal(pc.binary_length(found), int(limit.most or 0))
    plain = pc.and_(short, pc.match_substring_regex(found, _PLAIN))
    plain_rows: Array = plain.fill_null(False).to_numpy(zero_copy_only=False)
    return plain_rows


def _by_value(limit: Limit, found: pa.Array, rows: Array) -> Checked:
    """Check these rows value by value, each distinct value once."""
    bad, repaired = np.zeros(len(found), bool), np.zeros(len(found), bool)
    if not len(rows):
        values = found.cast(_TYPES[limit.kind]) if len(found) else pa.array([], _TYPES[limit.kind])
        return Checked(values, bad, limit.expectation, repaired)
    asked = found.to_pylist() if len(rows) == len(found) else found.take(pa.array(rows)).to_pylist()
    known: dict[Any, tuple[Any, bool]] = {}
    answers = []
    for row, value in zip(rows.tolist(), asked, strict=True):
        key = tuple(value) if isinstance(value, list) else value
        if key not in known:
            try:
                known[key] = checked(limit, value, ""), False
            except LimitError:
                known[key] = None, True
        answer, bad[row] = known[key]
        repaired[row] = limit.kind == "text" and value is not None and _is_other(limit, value, answer)
        answers.append(answer)
    kept = pa.array(answers, _TYPES[limit.kind])
    if len(rows) != len(found):
        mask = np.zeros(len(found), bool)
        mask[rows] = True
        kept = pc.replace_with_mask(found.cast(_TYPES[limit.kind]), pa.array(mask), kept)
    return Checked(kept, bad, limit.expectation, repaired)


def _is_other(limit: Limit, value: str, answer: str | None) -> bool:
    return answer is not None and (answer == limit.default != value or len(answer) < len(value.strip()))


def _null_where(bad: Array, values: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(bad), pa.scalar(None, values.type), values) if bad.any() else values


def _one_array(column: Any) -> pa.Array:
    found = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column, from_pandas=False)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    is_text = pa.types.is_large_string(found.type) or pa.types.is_string_view(found.type)
    return found.cast(pa.string()) if is_text else found
