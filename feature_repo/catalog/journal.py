"""The changes of one transaction: rows, versions, audit and outbox together, so that none is without the others."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from feature_repo.catalog.change import Action
from feature_repo.catalog.tables import CATALOG, CHANGES, VIDEOS
from feature_repo.catalog.video import StoredVideo, Video, Written


class Journal:
    """Collects changes inside `Database.writing`; `write` puts them down."""

    def __init__(self, connection: sa.Connection, who: str, at_us: int) -> None:
        """`at_us`: wall clock."""
        self._connection = connection
        self._who = who
        self._at_us = at_us
        self._change_id: int = connection.scalar(sa.select(CATALOG.c.version)) or 0
        self._new: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._changes: list[dict[str, Any]] = []

    def record(self, action: Action, old: StoredVideo | None, video: Video, why: str = "") -> Written:
        """A change of one video, unless it is so already; an `expire` changes nothing but is one."""
        if old is not None and old.video == video and action != "expire":
            return Written(old, 0)
        stored = StoredVideo(video, old.version + 1 if old else 1, self._at_us)
        row = {**video, "version": stored.version, "changed_us": stored.changed_us}
        if old is None:
            self._new.append(row)
        else:
            self._changed.append({f"b_{name}": value for name, value in row.items()})
        self.note(action, video["video_id"], stored.version, old.video if old else None, video, why)
        return Written(stored, self._change_id, created=old is None)

    def note(
        self,
        action: Action,
        video_id: str,
        version: int,
        before: Video | None,
        after: Video | None,
        why: str = "",
    ) -> None:
        """A line of the audit, without a row."""
        self._change_id += 1
        self._changes.append(
            {
                "change_id": self._change_id,
                "video_id": video_id,
                "version": version,
                "action": action,
                "who": self._who,
                "why": why,
                "at_us": self._at_us,
                "before": before,
                "after": after,
                "sent_us": None,
            }
        )

    def write(self) -> None:
        if not self._changes:
            return
        if self._new:
            self._connection.execute(sa.insert(VIDEOS), self._new)
        if self._changed:
            values: dict[Any, Any] = {
                column: sa.bindparam(f"b_{column.name}") for column in VIDEOS.c if column.name != "video_id"
            }
            which = VIDEOS.c.video_id == sa.bindparam("b_video_id")
            self._connection.execute(sa.update(VIDEOS).where(which).values(values), self._changed)
        self._connection.execute(sa.insert(CHANGES), self._changes)
        self._connection.execute(sa.update(CATALOG).values(version=self._change_id))
