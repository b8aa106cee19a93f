"""The one table of limits: the valid values of every input field, and what happens to others.

HTTP, gRPC, the command line, the event processor, the ingesters and the lake all read this table; no other code defines
what an id is or how long a watch may last. `check` is for one value, such as a field of an event; `check_column` for a
column of a table. docs/limits.md is generated from it.

Ids are text everywhere: `007` and `7` are two viewers, and so are `1` and `01`. An integer in JSON or in a column is
the text of its digits.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from feature_repo.schema import ABOUT, EVENTS, PERHAPS_WITHOUT, REASONS, UNKNOWN_COST, WITHOUT_VIDEO

Kind = Literal["id", "word", "text", "texts", "whole", "number", "moment", "flag"]
Outside = Literal["refused", "cut"]

MAX_ID_LENGTH = 128
MAX_SECONDS = 30 * 86_400.0  # of one watch or one video
YEAR_US = 366 * 86_400_000_000
EARLIEST_US = 631_152_000_000_000  # 1990: earliest event if the world's first day is unknown
FUTURE_TOLERANCE_SECONDS = 300  # a client's clock may be ahead by this much
MAX_ABOUT_LENGTH = 200
MAX_COST = 1_000_000.0  # of an hour that is watched
SHOWN_LENGTH = 60  # characters of a value in a message


class LimitError(ValueError):
    """A value outside its limit. The message says what was expected and what was found."""

    def __init__(self, field: str, expectation: str, found: Any) -> None:
        super().__init__(f"{field}: expected {expectation}, found {shown(found)}")
        self.field = field
        self.expectation = expectation
        self.found = found


class Clock(NamedTuple):
    """A world's present and first day, in microseconds UTC."""

    now_us: int
    first_day_us: int = 0  # of its data; 0: unknown


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the table. `least` and `most` bound the length of texts and lists, and the value of others.

    A moment without `least` may be up to a year before the world's first day; without `most`, up to five minutes in the
    future.
    """

    kind: Kind
    unit: str
    least: float | None = None
    most: float | None = None
    unique: bool = False
    required: bool = False  # else a missing value, null and "" become the default
    outside: Outside = "refused"
    default: Any = None  # of a missing value
    values: tuple[str, ...] = ()
    pattern: str = ""
    described: str = ""  # the pattern in words
    per_second: int = 1_000_000  # units per second of a moment
    made: str = ""  # of an event's field: what is generated if its sender leaves it out
    note: str = ""

    def within(self, clock: Clock | None) -> Limit:
        """The limit with both bounds, as of now."""
        if self.kind != "moment" or (self.least is not None and self.most is not None):
            return self
        now_us, first_us = clock or Clock(time.time_ns() // 1000)
        least = (first_us - YEAR_US if first_us else EARLIEST_US) * self.per_second // 1_000_000
        last_us = now_us + FUTURE_TOLERANCE_SECONDS * 1_000_000
        most = last_us * self.per_second // 1_000_000
        return replace(
            self, least=least if self.least is None else self.least, most=most if self.most is None else self.most
        )

    @property
    def expectation(self) -> str:
        """The limit in words, for messages and docs/limits.md."""
        if self.values:
            return f"one of {', '.join(self.values)}"
        if self.kind == "flag":
            return "true or false"
        if self.kind == "moment":
            return f"{self.unit}, {self.day(self.least)} to {self.day(self.most)}"
        if self.kind in ("whole", "number"):
            word = "a whole number" if self.kind == "whole" else "a finite number"
            least, most = (f"{bound:,.0f}" if bound == int(bound or 0) else f"{bound:g}" for bound in self.bounds)
            return f"{self.unit}, {word} from {least} to {most}"
        if self.kind == "texts":
            each = f", each {self.described}" if self.described else ""
            return f"a list of at most {self.most:,.0f} texts{each}"
        if self.described:
            return self.described
        what = "text" if self.kind == "text" else "printable text without leading or trailing blanks"
        return f"{what} of {1 if self.required else 0} to {self.most:,.0f} characters"

    @property
    def bounds(self) -> tuple[float, float]:
        """`least` and `most` of a limit that has both."""
        assert self.least is not None
        assert self.most is not None
        return self.least, self.most

    def day(self, moment: float | None) -> str:
        """A moment in the limit's unit, as a date and time."""
        if moment is None:
            return "…"
        return datetime.fromtimestamp(moment // self.per_second, UTC).strftime("%Y-%m-%d %H:%M")


def _id(**options: Any) -> Limit:
    return Limit("id", "id", **{"most": MAX_ID_LENGTH, "required": True, **options})


def _word(unit: str, **options: Any) -> Limit:
    return Limit("word", unit, **{"most": MAX_ID_LENGTH, "default": "", **options})


def _text(most: int, **options: Any) -> Limit:
    return Limit("text", "text", most=most, outside="cut", **{"default": "", **options})


def _whole(unit: str, least: float, most: float, **options: Any) -> Limit:
    return Limit("whole", unit, least, most, **{"default": 0, **options})


def _number(unit: str, least: float, most: float, **options: Any) -> Limit:
    return Limit("number", unit, least, most, **{"default": 0.0, **options})


def _moment(**options: Any) -> Limit:
    return Limit("moment", "µs since 1970, UTC", **{"required": True, **options})


def _epoch_us(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def _source_number(unit: str, most: float = 2**53) -> Limit:
    return _whole(unit, 0, most, required=True)


_MILLISECONDS = replace(_moment(), unit="ms since 1970, UTC", per_second=1_000, least=EARLIEST_US // 1_000)
_ZERO_OR_ONE = _source_number("yes or no", 1)
_FLAG = Limit("flag", "yes or no", default=False)
_COUNTRY: dict[str, Any] = {"pattern": "[A-Z]{2}", "described": "two capital letters (ISO 3166-1 alpha-2)"}
_LANGUAGE = {
    "pattern": "[a-z]{2,3}(-[A-Za-z0-9]{2,8})*",
    "described": "a language code such as en or pt-BR (BCP 47)",
}
_HASH = {"pattern": "[0-9a-fA-F]{16}", "described": "16 hexadecimal digits: a perceptual hash of 64 bits"}
_DIGITS = {"pattern": "[0-9]{1,18}", "described": "1 to 18 digits 0-9"}
_POSITION = _whole("position from 0, -1: unknown", -1, 999_999, default=-1)


def _by_name(about: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [kind for kind, said in about.items() if said == name] for name in dict.fromkeys(about.values())}


LIMITS: Mapping[str, Mapping[str, Limit]] = {
    "videos": {
        "video_id": _id(unique=True),
        "title": _text(512, default="Untitled", note="an empty title is shown as Untitled"),
        "description": _text(20_000),
        "creator_id": _id(required=False, default=""),
        "creator_name": _text(256),
        "series_id": _id(required=False, default=""),
        "episode": _whole("number from 1, 0: none", 0, 1_000_000),
        "category": _word("name", note="the main one of its genres; if missing, the catalog takes the first"),
        "genres": Limit("texts", "names", most=64, default=[]),
        "tags": Limit("texts", "words", most=512, default=[]),
        "cast": Limit("texts", "names", most=512, default=[]),
        "video_language": _word("BCP 47", **_LANGUAGE),
        "countries": Limit("texts", "ISO 3166-1 codes", most=300, default=[], **_COUNTRY),
        "maturity": _whole("years of age", 0, 21),
        "duration_seconds": _number("seconds, 0: unknown", 0, MAX_SECONDS),
        "published_timestamp_us": _moment(
            required=False, default=0, least=_epoch_us(1850), most=_epoch_us(2200), note="0: not known, so never new"
        ),
        "expires_timestamp_us": _moment(required=False, default=0, least=0, most=_epoch_us(2200), note="0: never"),
        "taken_down_us": _moment(required=False, default=0, least=0, most=_epoch_us(2200), note="0: it is not"),
        "thumbnail": _word("URL or path", most=2_048),
        "perceptual_hash": _word("64 bits", **_HASH, note="videos whose hashes are near are shown once on a page"),
        "licence_cost": _number(
            "operator's currency per hour watched",
            0,
            MAX_COST,
            default=UNKNOWN_COST,
            note="missing: unknown, which is kept as -1",
        ),
    },
    "changes": {  # of the catalog
        "why": _text(500),
    },
    "users": {
        "user_id": _id(unique=True),
        "country": _word("ISO 3166-1", **_COUNTRY),
        "user_language": _word("BCP 47", **_LANGUAGE),
        "age_group": _word("name of a group"),
        "maturity_limit": _whole("years of age", 0, 21, default=18),
        "signup_timestamp_us": _moment(required=False, default=0, least=0, most=_epoch_us(2200)),
    },
    "events": {
        "event_id": _id(unique=True, made="one is generated", note="per viewer: two viewers may use the same id"),
        "user_id": _id(),
        "video_id": _id(
            required=False,
            default="",
            note=f"none of {' and '.join(WITHOUT_VIDEO)}; of {', '.join(PERHAPS_WITHOUT)} it or `about`; else required",
        ),
        "event": Limit("word", "kind", most=MAX_ID_LENGTH, values=EVENTS, required=True),
        "timestamp_us": _moment(made="now"),
        "watch_seconds": _number(
            "seconds",
            0,
            MAX_SECONDS,
            note="an implausibly long watch counts as one of the whole video, as suspicious, and is excluded from "
            "training",
        ),
        "duration_seconds": _number("seconds, 0: the catalog's", 0, MAX_SECONDS),
        "position": _POSITION,
        "surface": _word("name of a surface"),
        "device": _word("name of a device"),
        "request_id": _word("id of a page"),
        "about": _text(
            MAX_ABOUT_LENGTH,
            note="sent as " + ", ".join(f"{name} ({' and '.join(kinds)})" for name, kinds in _by_name(ABOUT).items()),
        ),
        "sequence": _whole("order within a microsecond", 0, 2**53),
    },
    "about": {  # what an event says beside its video
        "creator_id": _id(),
        "category": _word("name", required=True),
        "genre": _word("name", required=True),
        "query": Limit("text", "text", least=1, most=MAX_ABOUT_LENGTH, required=True),
        "reason": Limit("text", "text", most=MAX_ID_LENGTH, default="", note=f"{', '.join(REASONS)}: say what of it"),
        "rating": _number("stars", 1, 5, required=True, note="from 4 a like, up to 2 a dislike, between: neither"),
    },
    "impressions": {
        "impression_id": _id(unique=True, most=2 * MAX_ID_LENGTH + 1),
        "request_id": _word("id of a page"),
        "user_id": _id(required=False, default="", note="empty: an anonymous viewer"),
        "video_id": _id(),
        "timestamp_us": _moment(),
        "position": _POSITION,
        "surface": _word("name of a surface"),
        "device": _word("name of a device"),
        "utc_offset_minutes": _whole("minutes", -14 * 60, 14 * 60),
        "propensity": _number("probability, 0: not logged", 0, 1),
        "clicked": _FLAG,
        "watch_seconds": _number("seconds", 0, MAX_SECONDS),
        "watch_fraction": _number("share", 0, 1),
        "liked": _FLAG,
        "disliked": _FLAG,
        "shared": _FLAG,
    },
    "ratings": {
        "user_id": _id(**_DIGITS),
        "video_id": _id(**_DIGITS),
        "rating": _number("stars", 0.5, 5, required=True, note="MovieLens' scale"),
        "timestamp": replace(_moment(), unit="s since 1970, UTC", per_second=1, least=EARLIEST_US // 1_000_000),
    },
    "exposures": {  # of KuaiRand
        "user_id": _source_number("id"),
        "video_id": _source_number("id"),
        "author_id": _source_number("id"),
        "time_ms": _MILLISECONDS,
        "last_time_ms": _MILLISECONDS,
        "play_time_ms": _source_number("ms", MAX_SECONDS * 1_000),
        "duration_ms": _source_number("ms", MAX_SECONDS * 1_000),
        "video_duration": _number("ms, empty: unknown", 0, MAX_SECONDS * 1_000),
        "tab": _source_number("number of a surface", 1_000),
        "is_click": _ZERO_OR_ONE,
        "is_like": _ZERO_OR_ONE,
        "is_forward": _ZERO_OR_ONE,
        "is_hate": _ZERO_OR_ONE,
        "long_view": _ZERO_OR_ONE,
        "long_view_any": _ZERO_OR_ONE,
        "like_any": _ZERO_OR_ONE,
        "history_len": _whole("exposures", 1, 10_000_000, required=True),
        "pos_from_end": _whole("position from the end, -1: the last", -10_000_000, -1, required=True),
        "register_days": _source_number("days", 10_000),
    },
}


def limits() -> Iterator[tuple[str, str, Limit]]:
    """Every row: table, field, limit."""
    return ((table, field, limit) for table, fields in LIMITS.items() for field, limit in fields.items())


def check(table: str, field: str, value: Any, clock: Clock | None = None, *, called: str = "") -> Any:
    """The value as Marquee stores it. Raises LimitError for one outside the limit.

    `clock` bounds moments, by default the wall clock. `called`: the sender's name of the field.
    """
    return checked(LIMITS[table][field].within(clock), value, called or field)


def checked(limit: Limit, value: Any, field: str) -> Any:
    """As `check`, for a limit with both bounds."""
    if value is None or (isinstance(value, str) and not value):
        if limit.required:
            raise LimitError(field, limit.expectation, value)
        return [] if limit.kind == "texts" else limit.default
    if limit.kind == "flag":
        valid = isinstance(value, bool)
    elif limit.kind in ("whole", "number", "moment"):
        kinds = int if limit.kind != "number" else int | float
        # Compared before the conversion: an integer of 400 digits does not fit a float, and NaN fails any comparison.
        valid = isinstance(value, kinds) and not isinstance(value, bool)
        # What stands for a missing value may be stated, as the rows of a table that was filled do.
        valid = valid and ((not limit.required and value == limit.default) or _between(limit, value))
    elif limit.kind == "texts":
        return _texts(limit, value, field)
    elif limit.kind == "text":
        return _shown_text(limit, value, field)
    else:
        return _identifier(limit, value, field)
    if not valid:
        raise LimitError(field, limit.expectation + _unit_meant(limit, value), value)
    return float(value) if limit.kind == "number" else value


def shown(value: Any) -> str:
    """Any value for a message: short, in one line."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "a number of more than 75 digits"  # Python refuses to print very long ones
    if isinstance(value, dict | list) and len(value) > 3:
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def is_plain(value: str) -> bool:
    """Printable without leading or trailing blanks, as an id must be."""
    return value.isprintable() and value == value.strip()


def _between(limit: Limit, value: Any) -> bool:
    least, most = limit.bounds
    return bool(least <= value <= most)


def _identifier(limit: Limit, value: Any, field: str) -> str:
    if limit.kind == "id" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        value = str(value)
    if not isinstance(value, str) or not is_plain(value):
        raise LimitError(field, limit.expectation, value)
    text = value if value.isascii() else unicodedata.normalize("NFC", value)
    if (
        len(text) > (limit.most or 0)
        or (limit.values and text not in limit.values)
        or (limit.pattern and not re.fullmatch(limit.pattern, text))
    ):
        raise LimitError(field, limit.expectation, value)
    return text


def _shown_text(limit: Limit, value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise LimitError(field, limit.expectation, value)
    text = value if value.isprintable() else "".join(one if one.isprintable() else " " for one in value)
    text = unicodedata.normalize("NFC", text).strip()
    return text[: int(limit.most or 0)] or limit.default


def _texts(limit: Limit, value: Any, field: str) -> list[str]:
    if not isinstance(value, list | tuple) or len(value) > (limit.most or 0):
        raise LimitError(field, limit.expectation, value)
    each = replace(limit, kind="word", most=MAX_ID_LENGTH, required=True)
    return [_identifier(each, one, field) for one in value]


def _unit_meant(limit: Limit, value: Any) -> str:
    """A hint for a moment given in another unit, the likeliest mistake: the unit in which it would be valid."""
    if limit.kind != "moment" or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    for word, per_second in (("seconds", 1), ("milliseconds", 1_000), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        in_unit = value * limit.per_second // per_second if per_second != limit.per_second else 0
        if in_unit and _between(limit, in_unit):
            return f" (it would be valid in {word})"
    return ""
