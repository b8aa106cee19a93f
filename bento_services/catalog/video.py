"""A video as the API shows it: the one definition of an answer's fields, for HTTP, the API's document and gRPC.

Names are those that integrators use; INSIDE says which column of the catalog each is. Moments are RFC 3339 in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct

from feature_repo.catalog.video import StoredVideo
from feature_repo.limits import LIMITS
from feature_repo.schema import UNKNOWN_COST

_MOMENT = "RFC 3339, in UTC"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)", re.ASCII)


class VideoFields(Struct, frozen=True):
    video_id: str
    title: str
    description: str
    category: Annotated[str, Meta(description="The main one of its genres.")]
    genres: list[str]
    tags: list[str]
    cast: list[str]
    creator_id: str
    creator_name: str
    series_id: str
    episode: Annotated[int, Meta(description="From 1; 0: of no series.")]
    language: Annotated[str, Meta(description="BCP 47.")]
    maturity: Annotated[int, Meta(description="Years of age.")]
    countries: Annotated[list[str], Meta(description="ISO 3166-1 codes in which it may be shown; empty: everywhere.")]
    duration_seconds: Annotated[float, Meta(description="0: not known.")]
    thumbnail: Annotated[str, Meta(description="URL or path.")]
    perceptual_hash: Annotated[str, Meta(description="64 bits in hexadecimal digits; empty: not known.")]
    licence_cost: Annotated[
        float | None, Meta(description="Of an hour watched, in the operator's currency; null: not known.")
    ]
    published_at: Annotated[str | None, Meta(description=f"{_MOMENT}; null: not known.")]
    expires_at: Annotated[str | None, Meta(description=f"{_MOMENT}; from then on it is not shown. null: never.")]
    taken_down_at: Annotated[str | None, Meta(description=f"{_MOMENT}; it is shown nowhere. null: it is not.")]


class Video(VideoFields, frozen=True):
    version: Annotated[int, Meta(description="From 1, raised by each change; also the ETag.")]
    changed_at: Annotated[str, Meta(description=f"{_MOMENT}.")]


_COLUMNS = {
    "language": "video_language",
    "published_at": "published_timestamp_us",
    "expires_at": "expires_timestamp_us",
    "taken_down_at": "taken_down_us",
}
INSIDE = {name: _COLUMNS.get(name, name) for name in VideoFields.__struct_fields__}
OUTSIDE = {column: name for name, column in INSIDE.items()}
UNKNOWN = {"licence_cost": UNKNOWN_COST}  # shown as null
MOMENTS = frozenset(name for name, column in INSIDE.items() if LIMITS["videos"][column].kind == "moment")


def shown_fields(row: Mapping[str, Any]) -> VideoFields:
    """A row of the catalog, by its columns. A row of an older revision lacks those that are newer."""
    return VideoFields(**_named(row))


def shown_video(stored: StoredVideo) -> Video:
    return Video(**_named(stored.video), version=stored.version, changed_at=moment_text(stored.changed_us))


def moment_text(moment_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment_us)).isoformat().replace("+00:00", "Z")


def moment_us(text: str) -> int | None:
    """µs since 1970 of a time in RFC 3339, with any offset; None for what is no such time.

    Never 0, which stands for a moment that is not known: the very first microsecond of 1970 counts as the second.
    """
    if (found := _RFC3339.fullmatch(text.upper())) is None:
        return None
    try:
        moment = datetime.fromisoformat("".join(part or "" for part in found.groups()))
        return (moment - _EPOCH) // _MICROSECOND or 1
    except (ValueError, OverflowError):
        return None


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    limits = LIMITS["videos"]
    fields: dict[str, Any] = {}
    for name, column in INSIDE.items():
        value = row.get(column, limits[column].default)
        if name in MOMENTS:
            fields[name] = moment_text(value) if value else None
        else:
            fields[name] = None if value == UNKNOWN.get(name) else value
    return fields
