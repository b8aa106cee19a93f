"""Events and impressions of a mapping as tables of the lake, each row with an id made of what it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.column_limits import repeats
from feature_repo.core.progress import Progress
from feature_repo.ingest.rejected import NAMED, BadRow
from feature_repo.ingest.table.batches import estimated_rows
from feature_repo.ingest.table.fields import raw, replaced
from feature_repo.ingest.table.mapping import Rating, Value
from feature_repo.ingest.table.rows import PlaceList, Rows, TableReader, Tally, good
from feature_repo.ingest.table.units import numbers
from feature_repo.ingest.tables import ASSUMED_SECONDS, lake_table
from feature_repo.lake.tables import EVENTS, IMPRESSIONS

Array = np.ndarray[Any, Any]
SCHEMAS = {"events": EVENTS, "impressions": IMPRESSIONS}


@dataclass(frozen=True)
class Catalog:
    """The videos that rows may be about."""

    ids: pa.Array
    duration_seconds: Array
    called: str  # for messages: the files that list them

    def listed(self, video_ids: pa.Array) -> Array:
        found: Array = pc.is_in(video_ids, value_set=self.ids).to_numpy(zero_copy_only=False)
        return found

    def seconds(self, video_ids: pa.Array) -> Array:
        """How long each is; of one of unknown length, what a watch of it counts as."""
        if not len(self.ids):
            return np.full(len(video_ids), ASSUMED_SECONDS)
        at = pc.index_in(video_ids, value_set=self.ids).fill_null(0).to_numpy(zero_copy_only=False)
        known = self.duration_seconds[at]
        return np.where(known > 0, known, ASSUMED_SECONDS)


def read_log(reader: TableReader, table: str, catalog: Catalog, progress: Progress) -> pa.Table:
    """The `events` or `impressions` of a mapping, each once, ordered as in the files. Raises as `read_entities`."""
    made = _Made(reader, table, catalog)
    for source in reader.mapping.sources[table]:
        for file in reader.mapping.files_of(source):
            tally = made.tallies.setdefault(file, Tally(reader.rejected))
            with progress.task(f"reading {file.name}", total=estimated_rows(file, source)) as advance:
                for rows in reader.rows(table, source, file, tally, advance):
                    made.add(rows, tally)
    return made.whole()


@dataclass
class _Made:
    reader: TableReader
    table: str
    catalog: Catalog
    tallies: dict[Path, Tally] = field(default_factory=dict)
    parts: list[pa.Table] = field(default_factory=list)
    places: PlaceList = field(default_factory=PlaceList)
    count: int = 0

    def add(self, rows: Rows, tally: Tally) -> None:
        rows = self._listed(rows, tally)
        rating_N: Array | None = None
        if (rating := rows.source.rating) is not None:
            rating_N, bad_N, found = _ratings(rows, rating)
            expected = _rating_expected(rating)
            self.reader.set_aside(rows.file, rows.source, rows.batch, [(rating.column, bad_N, expected, found)], tally)
            rows, rating_N = good(rows, ~bad_N), rating_N[~bad_N]
        if not len(rows):
            return
        columns = self._columns(rows, rating_N)
        key = "event_id" if self.table == "events" else "impression_id"
        made = _identified(rows, columns, key)
        parts = [(made, np.arange(len(rows)))] if rating is None else _reactions(made, rating_N, rating)
        for later, (part, at) in enumerate(parts):
            if self.table == "events":
                part = {**part, "sequence": self.count + 2 * at + (later > 0)}
            self.parts.append(lake_table(SCHEMAS[self.table], len(at), **part))
            self.places.add(rows.file, rows.batch.line_N[at])
        self.count += 2 * len(rows)

    def whole(self) -> pa.Table:
        """All rows, each once; the tallies are done."""
        schema = SCHEMAS[self.table]
        whole = pa.concat_tables([schema.empty_table(), *self.parts])
        self.parts.clear()
        kept_N = self._each_once(whole)
        for file, tally in self.tallies.items():
            tally.done(file)
        return whole if kept_N.all() else whole.filter(pa.array(kept_N))

    def _listed(self, rows: Rows, tally: Tally) -> Rows:
        column = rows.fields["video_id"]
        listed_N = self.catalog.listed(column.values)
        if listed_N.all():
            return rows
        if rows.source.unlisted_videos == "leave out":
            tally.left_out[f"their videos are not in {self.catalog.called}"] += int((~listed_N).sum())
        else:
            fault = column.column, ~listed_N, f"a video that {self.catalog.called} lists", column.found
            self.reader.set_aside(rows.file, rows.source, rows.batch, [fault], tally)
        return good(rows, listed_N)

    def _columns(self, rows: Rows, rating_N: Array | None) -> dict[str, Any]:
        """The fields of the lake that the rows state, without nulls."""
        columns = {name: _without_nulls(name, column.values) for name, column in rows.fields.items()}
        shared = rows.fields.get("watch_seconds")
        if rating_N is None and (shared is None or not shared.is_share):
            return {"position": np.full(len(rows), -1), **columns}
        seconds = self.catalog.seconds(rows.fields["video_id"].values)
        if "duration_seconds" in columns:
            own = columns["duration_seconds"].to_numpy()
            seconds = np.where(own > 0, own, seconds)
        if self.table == "events":
            columns["duration_seconds"] = pa.array(seconds)
        if rating_N is not None:
            columns["watch_seconds"] = pa.array(_shares(rating_N, rows.source.rating) * seconds)
        elif shared is not None:
            share = shared.values.fill_null(0.0).to_numpy(zero_copy_only=False)
            columns["watch_seconds"] = pa.array(share * seconds)
        return {"position": np.full(len(rows), -1), **columns}

    def _each_once(self, whole: pa.Table) -> Array:
        """(N,) the rows that are the first of their id. Equal rows count once; another row of an id is bad."""
        if not len(whole):
            return np.zeros(0, dtype=bool)
        key = "event_id" if self.table == "events" else "impression_id"
        ids = whole[key]
        if self.table == "events":
            ids = pc.binary_join_element_wise(whole["user_id"], ids, "\x1f")
        first_N = repeats(ids)
        again = np.flatnonzero(first_N >= 0)
        if not len(again):
            return first_N < 0
        told = [name for name in whole.column_names if name != "sequence"]
        later, first = (whole.select(told).take(pa.array(at)) for at in (again, first_N[again]))
        equal = np.logical_and.reduce(
            [pc.equal(later[name], first[name]).to_numpy(zero_copy_only=False).astype(bool) for name in told]
        )
        self._tell(whole, key, again, first_N[again], equal)
        once: Array = first_N < 0
        return once

    def _tell(self, whole: pa.Table, key: str, again: Array, first: Array, equal: Array) -> None:
        file_N, line_N = self.places.whole()
        twice: Counter[Path] = Counter()
        for row, before, is_same in zip(again.tolist(), first.tolist(), equal.tolist(), strict=True):
            file = self.places.files[file_N[row]]
            if is_same:
                twice[file] += 1
                continue
            tally = self.tallies[file]
            if not self.reader.rejected.set_aside and len(tally.bad) >= NAMED:
                tally.add((), 1)
                continue
            expected = f"an id that no other row has (line {line_N[before]} has it)"
            tally.add([BadRow(int(line_N[row]), key, whole[key][row].as_py(), expected)])
        for file, rows in twice.items():
            self.reader.rejected.note(f"{file.name}: {rows:,} {self.table} stand twice and count once")


def _without_nulls(name: str, values: pa.Array) -> pa.Array:
    if not values.null_count:
        return values
    if name == "position":
        return values.fill_null(-1)
    if pa.types.is_string(values.type):
        return values.fill_null("")
    return values.fill_null(False if pa.types.is_boolean(values.type) else 0)


def _identified(rows: Rows, columns: dict[str, Any], key: str) -> dict[str, Any]:
    """With an id of each row: the stated one, else a hash of what it says. Impressions get the id of a page."""
    count = len(rows)
    if key == "impression_id" and "request_id" not in columns:
        columns = {
            **columns,
            "request_id": _hashes([columns[name] for name in ("user_id", "timestamp_us") if name in columns]),
        }
    told = _hashes([columns[name] for name in sorted(columns) if name not in (key, "duration_seconds")])
    stated = columns.get(key, pa.array([""] * count, pa.string()))
    return {**columns, key: pc.if_else(pc.equal(stated, ""), told, stated)}


def _hashes(columns: Sequence[Any]) -> pa.Array:
    """A short hash of what each row says in these columns."""
    texts = [(pa.array(one) if isinstance(one, np.ndarray) else one).cast(pa.string()) for one in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f")
    blake = hashlib.blake2b
    return pa.array([blake(text.encode(), digest_size=10).hexdigest() for text in joined.to_pylist()], pa.string())


# --- ratings ----------------------------------------------------------------------------------------------------------


def _ratings(rows: Rows, rating: Rating) -> tuple[Array, Array, pa.Array]:
    """The ratings, which of them (N,) are none or outside the scale, and what stands there."""
    value = Value(column=rating.column)
    found = raw(rows.batch, value, rows.source, str(rows.file))
    text = replaced(found, rating.values) if rating.values else found
    rating_N, _ = numbers(text, rows.source.decimal)
    with np.errstate(invalid="ignore"):
        outside = np.isnan(rating_N)
        if rating.least is not None:
            outside |= rating_N < rating.least
        if rating.most is not None:
            outside |= rating_N > rating.most
    return rating_N, outside, found


def _rating_expected(rating: Rating) -> str:
    bounds = [f"from {rating.least:g}"] if rating.least is not None else []
    bounds += [f"to {rating.most:g}"] if rating.most is not None else []
    words = f" or one of {', '.join(rating.values)}" if rating.values else ""
    return " ".join(["a number", *bounds]) + words


def _shares(rating_N: Array, rating: Rating | None) -> Array:
    """The share of its video that each rating stands for; 0: no watch."""
    share_N = np.zeros(len(rating_N))
    for least, share in sorted(rating.watched) if rating else ():
        share_N[rating_N >= least] = share
    return share_N


def _reactions(made: dict[str, Any], rating_N: Array | None, rating: Rating) -> list[tuple[dict[str, Any], Array]]:
    """The events of rated rows, and which rows they are of: watches, then likes and dislikes a microsecond later."""
    assert rating_N is not None
    liked = rating_N >= rating.like_from if rating.like_from is not None else np.zeros(len(rating_N), bool)
    disliked = rating_N <= rating.dislike_to if rating.dislike_to is not None else np.zeros(len(rating_N), bool)
    kinds = (
        ("watch", np.flatnonzero(_shares(rating_N, rating) > 0)),
        ("like", np.flatnonzero(liked)),
        ("dislike", np.flatnonzero(disliked)),
    )
    parts = []
    for kind, at in kinds:
        part = {name: _at(column, at) for name, column in made.items()}
        part["event"] = pa.array([kind] * len(at), pa.string())
        part["event_id"] = pc.binary_join_element_wise(part["event_id"], pa.scalar(kind), "-")
        if kind != "watch":
            part["timestamp_us"] = pc.add(part["timestamp_us"], 1)
            part["watch_seconds"] = pa.array(np.zeros(len(at)))
        parts.append((part, at))
    return parts


def _at(column: Any, rows: Array) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else column.take(pa.array(rows))
