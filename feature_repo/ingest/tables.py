"""Helpers of ingesters to make tables of the lake from sources that lack some columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.ingest.rejected import Rejected
from feature_repo.limits import MAX_ID_LENGTH
from feature_repo.schema import GENRE_SLOTS

Array = np.ndarray[Any, Any]

ASSUMED_SECONDS = 6000.0  # watch time of a film of unknown runtime: 100 minutes, near the median of the others


def lake_table(schema: pa.Schema, count: int, **columns: Any) -> pa.Table:
    """A table of `count` rows; missing columns are empty, zero or false."""
    for name, dtype in zip(schema.names, schema.types, strict=True):
        if name not in columns:
            columns[name] = pa.repeat(pa.scalar(_empty(dtype), dtype), count)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _empty(dtype: pa.DataType) -> Any:
    if pa.types.is_list(dtype):
        return []
    return "" if pa.types.is_string(dtype) else False if pa.types.is_boolean(dtype) else 0


def text(numbers: Array) -> pa.Array:
    """Ids of numbers."""
    return pa.array(numbers).cast(pa.string())


def word_of(text: str) -> str:
    """What people wrote as a word for a video: one line, as long as a word may be, "" where nothing can be shown."""
    word = unicodedata.normalize("NFC", " ".join(text.split()))[:MAX_ID_LENGTH].strip()
    return word if word.isprintable() else ""


def slug(name: str) -> str:
    """An id of a name in any script: its letters, marks and digits; the name itself where it has none."""
    text = unicodedata.normalize("NFC", name.casefold())
    kept = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text)
    return "-".join(kept.split())[:MAX_ID_LENGTH].strip("-") or word_of(name)


def genre_features(counts: Mapping[str, int], rejected: Rejected) -> tuple[str, ...]:
    """The genres that become features: at most GENRE_SLOTS, the most frequent."""
    kept = sorted(counts, key=lambda genre: (-counts[genre], genre))[:GENRE_SLOTS]
    if others := sorted(counts.keys() - set(kept)):
        rejected.note(
            f"{len(counts)} genres: the {GENRE_SLOTS} most frequent are features; shown, but not learned from: "
            f"{', '.join(others)}"
        )
    return tuple(sorted(kept))


def is_number(text: str) -> bool:
    """Whether the text is a canonical number: 7, not 007."""
    return text == "0" or (text.isascii() and text.isdigit() and text[0] != "0" and len(text) < 19)


def utc_day(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).date().isoformat()
