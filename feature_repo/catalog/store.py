"""The catalog: the source of truth of what is known about each video.

Every change is one transaction with its line of the audit, which is also its place in the outbox (outbox.py). Callers
state fields by Marquee's names; each is validated by the one table of limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from feature_repo.catalog.change import Action, VideoChange
from feature_repo.catalog.database import Database
from feature_repo.catalog.errors import Conflict, Fault, InvalidVideos, UnknownVideo
from feature_repo.catalog.journal import Journal
from feature_repo.catalog.tables import CATALOG, CHANGES, VIDEOS
from feature_repo.catalog.video import StoredVideo, Video, Written, patched, repeated, replaced, stated
from feature_repo.compute.publication import UNKNOWN_US
from feature_repo.registry import VIDEO_COLUMNS

AT_ONCE = 500  # ids in one query


@dataclass(frozen=True)
class VideoFilter:
    """Which videos to list; None and "": all."""

    taken_down: bool | None = None
    expired: bool | None = None
    genre: str = ""
    category: str = ""
    creator_id: str = ""
    published_since_us: int | None = None


@dataclass(frozen=True)
class Audited:
    """One line of a video's history."""

    change: VideoChange
    before: Video | None
    why: str
    sent_us: int  # when it was published; 0: not yet


class CatalogStore:
    """The catalog of one home. Threads may share it.

    Every method raises CatalogDown while the database does not answer, and FileError for a damaged file.
    """

    def __init__(self, database: Database, now_us: Callable[[], int]) -> None:
        """`now_us`: the world's clock, for publication, takedown and expiry; an audit has the wall clock's."""
        self.database = database
        self._now_us = now_us

    # --- changes ------------------------------------------------------------------------------------------------------

    def put(self, video: Mapping[str, Any], who: str, if_match: int | None = None) -> Written:
        """Create the video, or replace it: what is not stated has its default afterwards.

        `if_match`: the version that the caller has read; 0: there must be none yet. Raises Conflict, and InvalidVideos
        for any field outside its limit.
        """
        return self._put([video], who, if_match)[0]

    def put_many(self, videos: Sequence[Mapping[str, Any]], who: str) -> list[Written]:
        """As `put`, all or none; InvalidVideos names every bad one."""
        return self._put(videos, who, None)

    def patch(self, video_id: str, fields: Mapping[str, Any], who: str, if_match: int | None = None) -> Written:
        """Change some fields. Raises UnknownVideo, Conflict, InvalidVideos."""
        values, faults = stated(fields, whole=False)
        if values.get("video_id", video_id) != video_id:
            faults.append(Fault("video_id", f"{video_id}: a video keeps its id", fields["video_id"], video_id=video_id))
        if faults:
            raise InvalidVideos(faults, 1)
        return self._change("patch", video_id, who, lambda old: patched(old, values), if_match)

    def take_down(self, video_id: str, who: str, why: str = "", if_match: int | None = None) -> Written:
        """Show it nowhere from now on; its row stays. Raises UnknownVideo, Conflict."""
        moment = max(self._now_us(), 1)
        return self._change(
            "take_down",
            video_id,
            who,
            lambda old: {**old, "taken_down_us": old["taken_down_us"] or moment},
            if_match,
            why,
        )

    def restore(self, video_id: str, who: str, why: str = "", if_match: int | None = None) -> Written:
        """Take back its takedown. Raises UnknownVideo, Conflict."""
        return self._change("restore", video_id, who, lambda old: {**old, "taken_down_us": 0}, if_match, why)

    def expire_due(self, now_us: int | None = None, who: str = "expiry") -> list[str]:
        """Make a change of each expiry since the last call; returns the ids. For the outbox: rows stay as they are."""
        until_us = self._now_us() if now_us is None else now_us
        moment = VIDEOS.c.expires_timestamp_us
        since = sa.select(CATALOG.c.expired_until_us).scalar_subquery()
        due = sa.select(VIDEOS).where(moment > since, moment <= until_us).order_by(moment, VIDEOS.c.video_id)
        with self.database.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []  # as nearly always, and without waiting for whoever writes
        with self.database.writing() as connection:
            journal = Journal(connection, who, _wall_us())
            expired = [journal.record("expire", old, old.video) for old in map(_stored, connection.execute(due))]
            journal.write()
            connection.execute(sa.update(CATALOG).values(expired_until_us=until_us))
        return [one.stored.video["video_id"] for one in expired]

    # --- reads --------------------------------------------------------------------------------------------------------

    def get(self, video_id: str) -> StoredVideo:
        """Raises UnknownVideo."""
        with self.database.reading() as connection:
            return self._one(connection, video_id)

    def known(self, video_ids: Iterable[str]) -> set[str]:
        """Those of these ids that the catalog has."""
        with self.database.reading() as connection:
            return set(_by_id(connection, list(video_ids)))

    def listed(self, after: str = "", limit: int = 100, chosen: VideoFilter = VideoFilter()) -> list[StoredVideo]:
        """The next `limit` videos behind the id `after`, by id."""
        query = sa.select(VIDEOS).where(VIDEOS.c.video_id > after, *self._conditions(chosen))
        with self.database.reading() as connection:
            return [_stored(row) for row in connection.execute(query.order_by(VIDEOS.c.video_id).limit(limit))]

    def count(self, chosen: VideoFilter = VideoFilter()) -> int:
        with self.database.reading() as connection:
            query = sa.select(sa.func.count()).select_from(VIDEOS).where(*self._conditions(chosen))
            return connection.scalar(query) or 0

    def changes(self, video_id: str) -> list[Audited]:
        """A video's history, oldest first. Raises UnknownVideo where it has none and never was an ingested one."""
        query = sa.select(CHANGES).where(CHANGES.c.video_id == video_id).order_by(CHANGES.c.change_id)
        with self.database.reading() as connection:
            found = [audited(row) for row in connection.execute(query)]
            if not found:
                self._one(connection, video_id)
        return found

    def version(self) -> int:
        """The newest change's number: whatever was made of an older catalog is out of date."""
        with self.database.reading() as connection:
            return connection.scalar(sa.select(CATALOG.c.version)) or 0

    def is_as_ingested(self) -> bool:
        """Whether nothing has changed since a whole catalog was put in."""
        newest = sa.select(CHANGES.c.action).order_by(CHANGES.c.change_id.desc()).limit(1)
        with self.database.reading() as connection:
            return connection.scalar(newest) == "ingest"

    def hidden(self) -> dict[str, str]:
        """Videos that may not be shown now, and why: "taken down" or "expired"."""
        moment = VIDEOS.c.expires_timestamp_us
        is_expired = sa.and_(moment > 0, moment <= self._now_us())
        query = sa.select(VIDEOS.c.video_id, VIDEOS.c.taken_down_us).where(
            sa.or_(VIDEOS.c.taken_down_us > 0, is_expired)
        )
        with self.database.reading() as connection:
            return {row.video_id: "taken down" if row.taken_down_us else "expired" for row in connection.execute(query)}

    def shown_ids(self) -> set[str]:
        """The videos that may be shown now."""
        with self.database.reading() as connection:
            ids = set(connection.scalars(sa.select(VIDEOS.c.video_id)))
        return ids - self.hidden().keys()

    def close(self) -> None:
        self.database.close()

    def _put(self, videos: Sequence[Mapping[str, Any]], who: str, if_match: int | None) -> list[Written]:
        checked = [stated(video, at, whole=True) for at, video in enumerate(videos)]
        given = [values for values, _ in checked]
        if faults := [*(fault for _, found in checked for fault in found), *repeated(given)]:
            raise InvalidVideos(faults, len(videos))
        now_us = self._now_us()
        with self.database.writing() as connection:
            before = _by_id(connection, [values["video_id"] for values in given])
            if if_match is not None:
                for values in given:
                    _match(values["video_id"], before.get(values["video_id"]), if_match)
            journal = Journal(connection, who, _wall_us())
            written = []
            for values in given:
                old = before.get(values["video_id"])
                written.append(journal.record("put", old, replaced(old.video if old else None, values, now_us)))
            journal.write()
        return written

    def _change(
        self,
        action: Action,
        video_id: str,
        who: str,
        changed: Callable[[Video], Video],
        if_match: int | None,
        why: str = "",
    ) -> Written:
        with self.database.writing() as connection:
            old = self._one(connection, video_id)
            if if_match is not None:
                _match(video_id, old, if_match)
            journal = Journal(connection, who, _wall_us())
            written = journal.record(action, old, changed(old.video), why)
            journal.write()
        return written

    def _one(self, connection: sa.Connection, video_id: str) -> StoredVideo:
        if (found := _by_id(connection, [video_id]).get(video_id)) is None:
            raise UnknownVideo(video_id)
        return found

    def _conditions(self, chosen: VideoFilter) -> list[sa.ColumnElement[bool]]:
        column = VIDEOS.c
        found: list[sa.ColumnElement[bool]] = []
        if chosen.taken_down is not None:
            found.append(column.taken_down_us > 0 if chosen.taken_down else column.taken_down_us == 0)
        if chosen.expired is not None:
            is_expired = sa.and_(column.expires_timestamp_us > 0, column.expires_timestamp_us <= self._now_us())
            found.append(is_expired if chosen.expired else sa.not_(is_expired))
        if chosen.genre:
            found.append(self._holds(column.genres, chosen.genre))
        if chosen.category:
            found.append(column.category == chosen.category)
        if chosen.creator_id:
            found.append(column.creator_id == chosen.creator_id)
        if chosen.published_since_us is not None:
            found.append(column.published_timestamp_us >= chosen.published_since_us)
            found.append(column.published_timestamp_us != UNKNOWN_US)
        return found

    def _holds(self, column: sa.Column[Any], value: str) -> sa.ColumnElement[bool]:
        """Whether a list holds a value."""
        if not self.database.is_sqlite:
            return sa.type_coerce(column, JSONB()).contains([value])
        each = sa.func.json_each(column).table_valued("value")
        return sa.exists(sa.select(1).select_from(each).where(each.c.value == value))


def audited(row: sa.Row[Any]) -> Audited:
    """A row of CHANGES."""
    video = None if row.action == "ingest" else row.after
    change = VideoChange(row.change_id, row.video_id, row.version, row.action, row.at_us, row.who, video)
    return Audited(change, row.before, row.why, row.sent_us or 0)


def _by_id(connection: sa.Connection, video_ids: Sequence[str]) -> dict[str, StoredVideo]:
    found: dict[str, StoredVideo] = {}
    for start in range(0, len(video_ids), AT_ONCE):
        query = sa.select(VIDEOS).where(VIDEOS.c.video_id.in_(video_ids[start : start + AT_ONCE]))
        found |= {row.video_id: _stored(row) for row in connection.execute(query)}
    return found


def _stored(row: sa.Row[Any]) -> StoredVideo:
    fields = row._mapping
    return StoredVideo({name: fields[name] for name in VIDEO_COLUMNS}, row.version, row.changed_us)


def _match(video_id: str, found: StoredVideo | None, expected: int) -> None:
    current = found.version if found else 0
    if current != expected:
        raise Conflict("video", video_id, expected, current)


def _wall_us() -> int:
    return time.time_ns() // 1000
