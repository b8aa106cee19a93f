"""Which table a file holds, and which column is which field: by the names of columns, and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from feature_repo.ingest.table.batches import ROWS_AT_ONCE
from feature_repo.ingest.table.fields import FALSE, TRUE
from feature_repo.ingest.table.mapping import NEEDED, ROW_NUMBER
from feature_repo.ingest.table.suggest.looks import Look
from feature_repo.ingest.table.suggest.values import (
    Guess,
    events_of,
    length_of,
    list_of,
    looks_like_title,
    rating_of,
    time_of,
)
from feature_repo.ingest.table.suggest.words import NAMES, SHOWN, USER, VIDEO, event_of, fit, is_of, plain
from feature_repo.limits import LIMITS

AGES = {
    "G": 0,
    "TV-Y": 0,
    "TV-G": 0,
    "U": 0,
    "TV-Y7": 7,
    "TV-Y7-FV": 7,
    "PG": 7,
    "TV-PG": 7,
    "PG-13": 13,
    "TV-14": 14,
    "R": 16,
    "TV-MA": 17,
    "NC-17": 18,
    "12A": 12,
    "NR": 13,
    "UR": 13,
}
_ORDER = ("pos", "order", "index", "sequence", "seq", "rank", "reihenfolge", "nr")
_YES, _FLAGS = set(TRUE), {*TRUE, *FALSE}


@dataclass
class Block:
    """One block of a mapping: files of one form that hold one table."""

    table: str
    looks: list[Look]
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    rating: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)  # field, or "" for the files as such -> what

    @property
    def look(self) -> Look:
        return self.looks[0]

    def texts(self, name: str) -> list[str]:
        """The values of the column that a field has."""
        return self.look.columns.get(self.fields.get(name, {}).get("column", ""), [])

    def doubt(self, name: str, text: str) -> None:
        if text:
            self.unsure[name] = "; ".join(filter(None, (self.unsure.get(name, ""), text)))

    def unused(self) -> list[str]:
        used = {value.get("column") for value in self.fields.values()} | {(self.rating or {}).get("column")}
        return [name for name in self.look.columns if name not in used | set(self.options.get("where", {}))]


def blocks_of(looks: Sequence[Look]) -> list[Block]:
    """The blocks of a mapping for these files, videos first."""
    groups: dict[Any, list[Look]] = {}
    for look in looks:
        stated = {name: value for name, value in look.stated.items() if name != "missing"}
        groups.setdefault((look.form, tuple(look.columns), str(stated)), []).append(look)
    blocks = [Block(_table_of(group[0]), group) for group in groups.values()]
    for block in blocks:
        block.doubt("", "; ".join(dict.fromkeys(doubt for look in block.looks for doubt in look.unsure)))
    order = {"videos": 0, "users": 1, "events": 2, "impressions": 3}
    blocks = sorted((block for block in blocks if block.table in order), key=lambda block: order[block.table])
    for block in blocks:
        _match(block)
    videos = [block for block in blocks if block.table == "videos"]
    more: list[Block] = []
    for block in blocks:
        if block.table in ("events", "impressions"):
            _by_content(block, videos)
        more += _finish(block)
    if not videos:
        more += _videos_of(blocks)
    whole = [*blocks, *more]
    for block in whole:
        if block.table in ("events", "impressions"):
            _check_listed(block, [one for one in whole if one.table == "videos"])
    return sorted(whole, key=lambda block: order[block.table])


def _table_of(look: Look) -> str:
    """The table of a file; "" of one that is none."""
    name, columns = look.file.name.split(".")[0], look.columns
    keys = ("user_id", "video_id", "event")
    best = {key: max((fit("events", key, column) for column in columns), default=0) for key in keys}
    has_user, has_video = best["user_id"] >= 60, best["video_id"] >= 60
    title = max((fit("videos", "title", column) for column in columns), default=0)
    rating = max((fit("events", "rating", column) for column in columns), default=0)
    if has_user and has_video:
        clicked, position = (
            max(fit("impressions", key, column) for column in columns) for key in ("clicked", "position")
        )
        has_time = any(fit("events", "timestamp_us", column) >= 60 for column in columns)
        told = best["event"] >= 90 or rating >= 90
        is_shown = is_of(SHOWN, name) or (not told and (clicked >= 90 or (position >= 90 and has_time)))
        return "impressions" if is_shown else "events"
    if has_video and (best["event"] >= 90 or rating >= 90) and title < 60:
        return "events"
    if has_user or (is_of(USER, name) and title < 90 and not has_video):
        return "users"
    if has_video or title >= 90 or is_of(VIDEO, name) or any(map(looks_like_title, columns.values())):
        return "videos"
    if len(columns) >= 3 and any(time_of(texts) for texts in columns.values()):
        return "events"  # without names
    return ""


def _match(block: Block) -> None:
    """Give each field the column whose name fits best and whose values are of its kind."""
    pairs = sorted(
        (
            (fit(block.table, name, column), name, column)
            for name in NAMES[block.table]
            for column in block.look.columns
        ),
        key=lambda pair: -pair[0],
    )
    taken: set[str] = set()
    for score, name, column in pairs:
        if score < 40 or column in taken or name in block.fields or (name == "rating" and block.rating is not None):
            continue
        guess = _guess(block, name, column)
        if guess is None:
            continue
        taken.add(column)
        if name == "rating":
            block.rating = {"column": column, **guess.stated}
        else:
            block.fields[name] = {"column": column, **guess.stated}
        block.doubt(name, guess.unsure)
    if block.table == "videos":
        _title_and_id(block)


def _guess(block: Block, name: str, column: str) -> Guess | None:
    """How a column is read as a field; None where its values are of another kind."""
    texts = block.look.columns[column]
    if name == "rating":
        return rating_of(texts)
    if name == "event":
        return events_of(texts)
    limit = LIMITS[block.table][name]
    if limit.kind == "moment":
        return time_of(texts) if texts else None
    if name in ("duration_seconds", "watch_seconds"):
        return length_of(column, texts, is_watch=name == "watch_seconds")
    if name == "maturity":
        return _maturity(texts)
    if name == "countries":
        guess = list_of(texts)
        parts = {part for text in texts[:500] for part in _parts(text, guess)}
        return guess if all(re.fullmatch("[A-Z]{2}", part) for part in parts) else None
    if limit.kind == "texts":
        return list_of(texts)
    if limit.kind == "flag":
        return Guess({}) if {text.casefold() for text in texts[:1000]} <= _FLAGS else None
    if name == "position" and texts and min(texts[:5000], key=lambda text: (len(text), text)) == "1":
        return Guess({"unit": "from 1"}, "places from 1 on")
    if limit.kind == "whole":
        return Guess({}) if texts and all(re.fullmatch(r"-?\d+(\.0)?", text) for text in texts[:500]) else None
    if limit.pattern:
        return Guess({}) if texts and _share_of(limit.pattern, texts) > 0.98 else None
    if name == "creator_name":
        shared = list_of(texts).stated.get("separator")
        return (
            Guess({"separator": shared}, "several names: the first counts") if shared in ("|", ";", ",") else Guess({})
        )
    return Guess({})


def _parts(text: str, guess: Guess) -> Iterable[str]:
    separator = guess.stated.get("separator")
    return (part.strip() for part in text.split(separator)) if separator else (text,)


def _share_of(pattern: str, texts: Sequence[str]) -> float:
    """The share of codes, as a mapping reads them: in any case, with _ or -."""
    sample = texts[:500]
    fitting = 0
    for text in sample:
        first, *others = text.replace("_", "-").split("-")
        fitting += any(re.fullmatch(pattern, one) for one in ("-".join((first.lower(), *others)), text.upper()))
    return fitting / max(len(sample), 1)


def _maturity(texts: Sequence[str]) -> Guess | None:
    kinds = set(texts)
    if kinds and all(re.fullmatch(r"\d{1,2}", text) and int(text) <= 21 for text in kinds):
        return Guess({})
    known = {kind: AGES[kind] for kind in sorted(kinds) if kind in AGES}
    if not known or len(kinds) > 60:
        return None
    others = sorted(kinds - known.keys())
    doubt = f"as years of age; for no age: {', '.join(others[:8])}" if others else "as years of age"
    return Guess({"values": {**known, "*": ""}}, doubt)


def _title_and_id(block: Block) -> None:
    columns = block.look.columns
    used = {value["column"] for value in block.fields.values()}
    if "video_id" not in block.fields:
        unique = [
            name for name, texts in columns.items() if texts and len(set(texts)) == len(texts) and name not in used
        ]
        unique.sort(key=lambda name: (looks_like_title(columns[name]), fit("videos", "video_id", name) == 0))
        if unique:
            block.fields["video_id"] = {"column": unique[0]}
            block.doubt("video_id", f"column {unique[0]!r} has each value once")
            used.add(unique[0])
    if "title" not in block.fields:
        found = next((name for name, texts in columns.items() if name not in used and looks_like_title(texts)), None)
        if found is not None:
            block.fields["title"] = {"column": found}
            block.doubt("title", f"column {found!r} looks like titles")
            used.add(found)
    if "genres" not in block.fields and all(name.isdigit() for name in columns):
        for name, texts in columns.items():
            if name not in used and "separator" in (guess := list_of(texts)).stated:
                block.fields["genres"] = {"column": name, **guess.stated}
                block.doubt("genres", f"column {name!r} holds lists")
                break


def _by_content(block: Block, videos: Sequence[Block]) -> None:
    """Fields of a log that no name tells: its videos, its viewers and its time."""
    columns = block.look.columns
    used = {value["column"] for value in block.fields.values()} | {(block.rating or {}).get("column")}
    listed = {text for one in videos for text in one.texts("video_id")}
    if "timestamp_us" not in block.fields:
        for name, texts in columns.items():
            if name not in used and (guess := time_of(texts)) is not None and guess.stated.get("format") != "%Y":
                block.fields["timestamp_us"] = {"column": name, **guess.stated}
                block.doubt(
                    "timestamp_us", "; ".join(filter(None, (f"column {name!r} looks like times", guess.unsure)))
                )
                used.add(name)
                break
    shares = {name: len(set(texts) & listed) / max(len(set(texts)), 1) for name, texts in columns.items() if texts}
    if "video_id" not in block.fields and shares:
        free = [name for name in shares if name not in used]
        best = max(free, key=lambda name: (shares[name], len(set(columns[name]))), default="")
        if best:
            block.fields["video_id"] = {"column": best}
            block.doubt("video_id", f"{shares[best]:.0%} of the ids in column {best!r} are those of videos")
            used.add(best)
    if "user_id" not in block.fields:
        free = [name for name in columns if name not in used and len(set(columns[name])) > 1]
        if free:
            block.fields["user_id"] = {"column": free[0]}
            block.doubt("user_id", f"column {free[0]!r} may be the viewers")


def _finish(block: Block) -> list[Block]:
    """Add what a table needs and no column has; more blocks for what one row says beside."""
    if block.table == "videos":
        _finish_videos(block)
    if block.table not in ("events", "impressions"):
        return []
    if "timestamp_us" not in block.fields:
        order = next((name for name in block.look.columns if plain(name) in _ORDER), ROW_NUMBER)
        block.fields["timestamp_us"] = {"column": order, "unit": "minutes", "since": "2024-01-01"}
        what = "the number of the row" if order == ROW_NUMBER else f"column {order!r}"
        block.doubt("timestamp_us", f"no times: {what} tells the order, a minute apart from an invented day on")
    if block.table == "impressions":
        return []
    return [*_reactions(block), *_flags(block)]


def _finish_videos(block: Block) -> None:
    if "title" not in block.fields and "video_id" in block.fields:
        block.fields["title"] = {"template": f"Video {{{block.fields['video_id'].get('column')}}}"}
        block.doubt("title", "no column looks like titles")
    if "genres" not in block.fields and "tags" in block.fields:
        block.fields["genres"] = block.fields["tags"]
        block.doubt("genres", "no column looks like genres: the tags are taken")
    if "duration_seconds" not in block.fields:
        block.fields["duration_seconds"] = {"constant": 5400}
        block.doubt("duration_seconds", "no column looks like durations: every video counts as 90 minutes long")
    ids = block.texts("video_id")
    if len(set(ids)) < len(ids):
        block.options["repeated"] = "first"
        block.doubt("video_id", f"{len(ids) - len(set(ids))} rows have the id of a row before: the first row counts")


def _reactions(block: Block) -> list[Block]:
    """What happened: names of events, ratings, or a watch in every row."""
    if "event" in block.fields:
        if block.rating is not None:
            block.doubt("event", f"column {block.rating['column']!r} (ratings) is not used: add a block for it")
            block.rating = None
        return []
    if "watch_seconds" in block.fields:
        block.fields["event"] = {"constant": "watch"}
        if block.rating is None:
            return []
        rating, block.rating = {**block.rating, "watched": []}, None
        shared = {
            name: value for name, value in block.fields.items() if name not in ("event", "watch_seconds", "event_id")
        }
        rated = Block("events", block.looks, shared, rating, {}, {})
        if "rating" in block.unsure:
            rated.doubt("rating", block.unsure.pop("rating"))
        return [rated]
    if block.rating is not None:
        return []
    block.fields["event"] = {"constant": "watch"}
    block.fields["watch_seconds"] = {"constant": 1, "unit": "share"}
    block.doubt("event", "no column says what happened, nor how long: every row counts as a watch of the whole video")
    return []


def _flags(block: Block) -> list[Block]:
    """A block for each column that says of a row whether it was liked, disliked or shared."""
    found = []
    for column in block.unused():
        values = set(block.look.columns[column])
        event = event_of(column)
        if event in ("like", "dislike", "share") and values and {text.casefold() for text in values} <= _FLAGS:
            wanted = sorted(text for text in values if text.casefold() in _YES) or ["1"]
            keys = ("user_id", "video_id", "timestamp_us")
            fields = {name: block.fields[name] for name in keys if name in block.fields}
            fields["event"] = {"constant": event}
            found.append(Block("events", block.looks, fields, None, {"where": {column: wanted}}))
    return found


def _videos_of(blocks: Sequence[Block]) -> list[Block]:
    """The videos of a log, where no file lists them."""
    log = next((block for block in blocks if block.table in ("events", "impressions")), None)
    if log is None or "video_id" not in log.fields:
        return []
    made = Block("videos", log.looks, options={"repeated": "first"})
    _match(made)
    made.fields["video_id"] = {"column": log.fields["video_id"]["column"]}
    made.fields = {
        name: value for name, value in made.fields.items() if name not in ("published_timestamp_us", "maturity")
    }
    _finish_videos(made)
    made.unsure.pop("video_id", None)
    made.doubt("", "no file lists the videos: they are those of the events")
    return [made]


def _check_listed(block: Block, videos: Sequence[Block]) -> None:
    """Say how many videos of a log no file lists, if not all were looked at in vain."""
    if any(look.rows >= ROWS_AT_ONCE for one in videos for look in one.looks):
        return
    listed = {text for one in videos for look in one.looks for text in _ids(one, look)}
    wanted = set(block.texts("video_id"))
    if listed and (others := wanted - listed):
        block.options["unlisted_videos"] = "leave out"
        example = sorted(others)[0]
        block.doubt(
            "video_id", f"{len(others)} of {len(wanted)} videos are in no file of videos, {example} for one: left out"
        )


def _ids(block: Block, look: Look) -> list[str]:
    return look.columns.get(block.fields.get("video_id", {}).get("column", ""), [])


def lacking(block: Block) -> list[str]:
    """The fields that a block needs and nobody found."""
    known: Mapping[str, Any] = block.fields | ({"event": {}} if block.rating is not None else {})
    return [name for name in NEEDED[block.table] if name not in known]
