"""The columns of a batch as Marquee's fields, checked by the one table of limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.column_limits import check_column
from feature_repo.core.files import FileError
from feature_repo.ingest.table.batches import LIST_END, Batch, trimmed
from feature_repo.ingest.table.mapping import ROW_NUMBER, Source, Value, zone
from feature_repo.ingest.table.units import FROM_ONE, PERCENT, SECONDS, SHARE, TEXT, by_value, lengths, moments, numbers
from feature_repo.ingest.tables import word_of
from feature_repo.limits import LIMITS, Clock

Array = np.ndarray[Any, Any]

TRUE = ("1", "true", "t", "yes", "y", "on", "x", "ja", "oui", "si", "sí", "sim", "vrai", "wahr", "verdadero")
FALSE = ("0", "false", "f", "no", "n", "off", "nein", "non", "não", "faux", "falsch", "falso")
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Column:
    """One field of N rows: its values, null where the source has none, and the rows that are outside the limit."""

    values: pa.Array
    bad_N: Array
    expected: str
    column: str  # of the source
    found: pa.Array  # as they stand in the source
    cut: int = 0  # how many were too long
    is_share: bool = False  # of watch seconds: they are a share of the video yet


def columns_of(batch: Batch, value: Value, called: str) -> list[pa.Array]:
    """The columns that a value names. Raises FileError for one that the file lacks."""
    names = [value.column] if value.column else value.columns
    found = []
    for name in names:
        if name == ROW_NUMBER and name not in batch.columns:
            found.append(pa.array(batch.line_N).cast(pa.string()))
        elif name in batch.columns:
            found.append(batch.columns[name])
        else:
            raise FileError(f"{called}: expected the column {name!r}, found {', '.join(map(repr, batch.columns))}")
    return found


def field_of(
    batch: Batch, table: str, name: str, value: Value, source: Source, timezone: str, clock: Clock, called: str
) -> Column:
    """One field of a batch. `called`: the file, for messages."""
    limit = LIMITS[table][name]
    is_list = limit.kind == "texts"
    text = _text(batch, value, source, called, is_list)
    found = text
    if value.values and not is_list:
        text = replaced(text, value.values)
    is_share = False
    unread = np.zeros(len(batch), dtype=bool)
    converted: pa.Array
    if is_list:
        converted = _lists(text, value)
    elif limit.kind == "moment":
        at_us, unread = moments(
            text, value.unit, value.formats, zone(value.timezone or timezone), value.since, source.decimal
        )
        converted = _whole(at_us)
    elif limit.kind in ("whole", "number"):
        is_share = name == "watch_seconds" and value.unit in (SHARE, PERCENT)
        amounts, unread = _amounts(name, text, value, source.decimal)
        converted = pa.array(amounts, mask=np.isnan(amounts))
    elif limit.kind == "flag":
        truth = by_value(text, _flag)
        unread = text.is_valid().to_numpy(zero_copy_only=False) & np.isnan(truth)
        converted = pa.array(truth == 1, mask=np.isnan(truth))
    else:
        converted = _coded(name, text)
    if value.default is not None:
        converted = _with_default(converted, value.default, pa.array(unread), is_list)
    missing = converted.is_null()
    limited = ("impressions", "watch_fraction") if is_share else (table, name)
    checked = check_column(*limited, converted, clock)
    bad = checked.bad | unread
    expected = checked.reason + (f" (unit: {value.unit})" if value.unit else "")
    if unread.any() and limit.kind == "moment" and not value.unit:
        expected = f"a time as {' or '.join(value.formats) or '2024-05-31T18:00:00'}"
    values = pc.if_else(missing, pa.scalar(None, checked.values.type), checked.values)
    shown = value.column or ", ".join(value.columns) or name
    return Column(values, bad, expected, shown, found, int(checked.repaired.sum()), is_share)


def replaced(text: pa.Array, values: Mapping[str, Any]) -> pa.Array:
    """What a value map makes of texts; those that it lacks stay, or become what "*" says; "" is missing."""
    known = {key: _plain(one) for key, one in values.items()}
    others = known.pop("*", None)
    found = by_value(text, lambda one: known.get(one, one if others is None else others), kind=object)
    return pa.array([one or None for one in found.tolist()], pa.string())


def left_out(text: pa.Array, values: Mapping[str, Any]) -> Array:
    """(N,) the rows whose value stands for "" in the map: they are none of ours."""
    known = {key: _plain(one) for key, one in values.items()}
    others = known.get("*")
    found = by_value(text, lambda one: known.get(one, others) == "", kind=object)
    return np.array([one is True for one in found.tolist()], dtype=bool)


def raw(batch: Batch, value: Value, source: Source, called: str) -> pa.Array:
    """The trimmed texts of a value, before its value map."""
    return _text(batch, value, source, called, False)


def _plain(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _text(batch: Batch, value: Value, source: Source, called: str, is_list: bool) -> pa.Array:
    if value.constant is not None:
        parts = value.constant if isinstance(value.constant, list) else [value.constant]
        return pa.array([LIST_END.join(map(_plain, parts))] * len(batch), pa.string())
    if value.template:
        return _templated(batch, value, source, called)
    missing = (*source.missing, *value.missing)
    found = [trimmed(column, missing) for column in columns_of(batch, value, called)]
    if is_list and len(found) > 1:
        sign = value.separator or LIST_END
        return pc.binary_join_element_wise(*found, sign, null_handling="skip")
    text = pc.coalesce(*found) if len(found) > 1 else found[0]
    if value.separator and not is_list:
        first = pc.list_element(pc.split_pattern(pc.fill_null(text, ""), value.separator, max_splits=1), 0)
        return trimmed(first, missing)
    return text


def _templated(batch: Batch, value: Value, source: Source, called: str) -> pa.Array:
    pieces = _BRACES.split(value.template)
    parts: list[Any] = []
    for at, piece in enumerate(pieces):
        if at % 2:
            column = columns_of(batch, Value(column=piece), called)[0]
            parts.append(pc.fill_null(trimmed(column, (*source.missing, *value.missing)), ""))
        elif piece:
            parts.append(pa.array([piece] * len(batch), pa.string()))
    return trimmed(pc.binary_join_element_wise(*parts, ""), ())


def _lists(text: pa.Array, value: Value) -> pa.Array:
    """Lists of trimmed parts, each once; also of a text as "['a', 'b']"."""
    known = {key: _plain(one) for key, one in value.values.items()}
    others = known.pop("*", None)

    def parts(whole: str) -> list[str]:
        inner = whole
        if len(whole) > 1 and whole[0] + whole[-1] in ("[]", "{}"):
            inner = whole[1:-1]
        pieces = inner.replace(value.separator, LIST_END).split(LIST_END) if value.separator else inner.split(LIST_END)
        plain = [_shown(_unquoted(piece.strip(), inner is not whole)) for piece in pieces]
        kept = [piece for piece in plain if piece and piece not in value.missing]
        return [
            one for one in dict.fromkeys(known.get(piece, piece if others is None else others) for piece in kept) if one
        ]

    found = by_value(text, parts, kind=object)
    return pa.array([one if one is not None else None for one in found.tolist()], pa.list_(pa.string()))


def _shown(piece: str) -> str:
    """Without what cannot be printed, such as a blank of no width, which text that was copied brings along."""
    return piece if piece.isprintable() else word_of("".join(one if one.isprintable() else " " for one in piece))


def _unquoted(piece: str, is_quoted: bool) -> str:
    return piece[1:-1] if is_quoted and len(piece) > 1 and piece[0] == piece[-1] and piece[0] in "'\"" else piece


def _amounts(name: str, text: pa.Array, value: Value, decimal: str) -> tuple[Array, Array]:
    if value.unit in SECONDS or value.unit == TEXT:
        amounts, unread = lengths(text, value.unit, decimal)
        return amounts, unread
    amounts, unread = numbers(text, decimal)
    if value.unit == PERCENT:
        amounts = amounts / 100
    if value.unit in (PERCENT, SHARE) and name in ("watch_seconds", "watch_fraction"):
        amounts = np.where(amounts > 1, np.minimum(amounts, 1.0), amounts)  # seen twice is seen whole
    if value.unit == FROM_ONE:
        amounts = amounts - 1
    return amounts, unread


def _whole(numbers_N: Array) -> pa.Array:
    missing = np.isnan(numbers_N)
    inside = np.clip(np.where(missing, 0, numbers_N), -(2.0**62), 2.0**62)
    return pa.array(inside.astype(np.int64), mask=missing)


def _flag(text: str) -> float:
    folded = text.casefold()
    return 1.0 if folded in TRUE else 0.0 if folded in FALSE else np.nan


def _coded(name: str, text: pa.Array) -> pa.Array:
    """Codes of countries and languages in the case that they have everywhere else."""
    if name == "country":
        return pc.utf8_upper(text)
    if name in ("video_language", "user_language"):
        return pa.array(by_value(text, _language, kind=object).tolist(), pa.string())
    return text


def _language(text: str) -> str:
    first, *others = text.replace("_", "-").split("-")
    return "-".join((first.lower(), *others))


def _with_default(values: pa.Array, default: Any, unread: pa.Array, is_list: bool) -> pa.Array:
    if is_list:
        given = default if isinstance(default, list) else [default]
        return pa.array([given if one is None else one for one in values.to_pylist()], values.type)
    filled = pc.fill_null(values, pa.scalar(default, values.type))
    return pc.if_else(unread, pa.scalar(None, values.type), filled)
