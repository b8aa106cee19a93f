"""Numbers, lengths and times as other systems write them, as Marquee's: seconds, and microseconds since 1970 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = np.ndarray[Any, Any]

SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "ms": 1e-3, "us": 1e-6}
TEXT, SHARE, PERCENT, FROM_ONE = "text", "share", "percent", "from 1"
UNITS = {
    "duration_seconds": (*SECONDS, TEXT),
    "watch_seconds": (*SECONDS, TEXT, SHARE, PERCENT),  # a share of the video's duration
    "watch_fraction": (SHARE, PERCENT),
    "propensity": (SHARE, PERCENT),
    "position": (FROM_ONE,),
}
MICROSECONDS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3, "minutes": 60e6, "hours": 3600e6, "days": 86400e6}
ISO = "iso"
TIME_UNITS = (*MICROSECONDS, ISO)

_EPOCH = datetime(1970, 1, 1)
_SLOT_US = 15 * 60 * 1_000_000  # no time zone changes its offset within one
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)")
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([^\W\d_]+)\.?")
_WORDS = {
    1.0: "s sec secs second seconds sek sekunde sekunden seg segundo segundos seconde secondes secondi",
    60.0: "m min mins mn minute minutes minuten minuto minutos minuti",
    3600.0: "h hr hrs hour hours std stunde stunden hora horas heure heures ora ore",
    86400.0: "d day days tag tage jour jours dia dias",
    1e-3: "ms",
}
_SECONDS_OF = {word: seconds for seconds, words in _WORDS.items() for word in words.split()}


def numbers(texts: pa.Array, decimal: str = ".") -> tuple[Array, Array]:
    """N numbers, NaN where there is none; and (N,) which rows hold something else than a number."""
    filled = texts.is_valid().to_numpy(zero_copy_only=False)
    cleaned = _with_points(texts) if decimal == "," else texts
    try:
        found = pc.cast(cleaned, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        found = by_value(cleaned, _number)
    found = np.where(np.isfinite(found), found, np.nan)
    return found, filled & np.isnan(found)


def lengths(texts: pa.Array, unit: str, decimal: str = ".") -> tuple[Array, Array]:
    """As `numbers`, in seconds: of a number in `unit`, or a text as "1 h 30 min", "1:30:00" and "PT90M"."""
    if unit == TEXT:
        found = by_value(texts, _seconds)
        return found, texts.is_valid().to_numpy(zero_copy_only=False) & np.isnan(found)
    found, bad = numbers(texts, decimal)
    return found * SECONDS.get(unit, 1.0), bad


def moments(
    texts: pa.Array, unit: str, formats: Sequence[str], zone: ZoneInfo, since: str = "", decimal: str = "."
) -> tuple[Array, Array]:
    """N moments in microseconds, NaN where there is none; and which rows (N,) hold something else than a time.

    A time that states its zone keeps it; others are of `zone`. An hour that a change of clocks repeats is its first.
    """
    if unit and unit != ISO:
        found, bad = numbers(texts, decimal)
        return np.floor(found * MICROSECONDS[unit] + 0.5) + (_since_us(since, zone) if since else 0), bad
    local = by_value(texts, lambda text: _read(text, formats), kind=object)
    known = np.array([value is not None for value in local], dtype=bool)
    at_us = np.array([value[0] if value is not None else 0 for value in local], dtype=np.int64)
    floating = known & np.array([value is not None and value[1] for value in local], dtype=bool)
    at_us[floating] = in_utc(at_us[floating], zone)
    bad = texts.is_valid().to_numpy(zero_copy_only=False) & ~known
    return np.where(known, at_us.astype(np.float64), np.nan), bad


def in_utc(local_us: Array, zone: ZoneInfo) -> Array:
    """Times on the clocks of a zone as UTC."""
    slots, of_row = np.unique(local_us // _SLOT_US, return_inverse=True)
    apart = [_offset_us(int(slot) * _SLOT_US, zone) for slot in slots.tolist()]
    shifted: Array = local_us - np.array(apart, dtype=np.int64)[of_row.reshape(-1)]
    return shifted


def by_value(texts: pa.Array, read: Callable[[str], Any], kind: Any = np.float64) -> Array:
    """What `read` makes of each text, each distinct one once; NaN (None for objects) of a missing one."""
    encoded = texts.dictionary_encode()
    nothing = None if kind is object else np.nan
    answers = np.empty(len(encoded.dictionary) + 1, dtype=kind)
    for at, text in enumerate(encoded.dictionary.to_pylist()):
        answers[at] = read(text)
    answers[-1] = nothing
    rows = encoded.indices.fill_null(len(answers) - 1).to_numpy(zero_copy_only=False)
    found: Array = answers[rows]
    return found


def _with_points(texts: pa.Array) -> pa.Array:
    """Numbers with a decimal comma, their thousands apart by a point or blank, as others write them."""
    return pc.replace_substring(pc.replace_substring_regex(texts, r"[.\s\x{a0}\x{202f}']", ""), ",", ".")


def _number(text: str) -> float:
    try:
        return float(text) if text.isascii() and "_" not in text else np.nan
    except ValueError:
        return np.nan


def _seconds(text: str) -> float:
    """Of a length in words or as a clock; NaN of none."""
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    folded = text.casefold().removeprefix("pt" if text[:2].upper() == "PT" else "")
    parts = _PART.findall(folded)
    if not parts or _PART.sub("", folded).strip(" ,.") not in ("", "and", "und", "et", "y"):
        return np.nan
    units = [_SECONDS_OF.get(word) for _, word in parts]
    if None in units:
        return np.nan
    return sum(float(number.replace(",", ".")) * (unit or 0) for (number, _), unit in zip(parts, units, strict=True))


def _read(text: str, formats: Sequence[str]) -> tuple[int, bool] | None:
    """Microseconds, and whether they are of no stated zone; None of no time."""
    for form in formats or (ISO,):
        try:
            moment = _iso(text) if form == ISO else datetime.strptime(text, form)
        except ValueError:
            continue
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
            return (moment - _EPOCH) // timedelta(microseconds=1), False
        return (moment - _EPOCH) // timedelta(microseconds=1), True
    return None


def _iso(text: str) -> datetime:
    """ISO 8601, also with a blank before the zone or its name: "2024-05-01 10:00:00 UTC"."""
    if not text[:1].isdigit() or ("-" not in text[:5] and len(text) < 8):
        raise ValueError(text)
    trimmed = text.removesuffix("UTC").rstrip()
    moment = datetime.fromisoformat(_short_fraction(trimmed))
    return moment.replace(tzinfo=UTC) if trimmed != text and moment.tzinfo is None else moment


def _short_fraction(text: str) -> str:
    """Without the digits behind microseconds, and without a blank before a zone."""
    return re.sub(r"\s+(?=[+-]\d\d)", "", re.sub(r"(\.\d{6})\d+", r"\1", text))


def _since_us(day: str, zone: ZoneInfo) -> int:
    moment = datetime.fromisoformat(day)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return int(moment.timestamp() * 1_000_000)


def _offset_us(local_us: int, zone: ZoneInfo) -> int:
    """How far the clocks of a zone are ahead of UTC when they show this."""
    try:
        offset = (_EPOCH + timedelta(microseconds=local_us)).replace(tzinfo=zone).utcoffset()
    except OverflowError:
        return 0
    return (offset or timedelta()) // timedelta(microseconds=1)
