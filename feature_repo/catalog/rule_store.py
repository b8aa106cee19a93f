"""The rules of a home, in the database of its catalog: versions, and who changed what when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from feature_repo.catalog.database import Database
from feature_repo.catalog.errors import Conflict, Fault
from feature_repo.catalog.rule import (
    InvalidRule,
    Rule,
    UnknownRule,
    as_stated,
    rule_of,
    rule_of_store,
)
from feature_repo.catalog.tables import RULE_CHANGES, RULES, VIDEOS

MOST_RULES = 500


@dataclass(frozen=True)
class StoredRule:
    rule: Rule
    version: int  # from 1
    changed_us: int  # wall clock


class RulesRead(NamedTuple):
    version: int
    rules: Sequence[Rule]
    unread: Sequence[str]  # what cannot be read, each with its id and why


@dataclass(frozen=True)
class RuleWritten:
    stored: StoredRule
    change_id: int  # 0: it was so already, and there is no new version
    created: bool = False


@dataclass(frozen=True)
class RuleChange:
    """One line of the audit."""

    change_id: int
    rule_id: str
    version: int
    action: str  # put, patch, remove
    who: str
    why: str
    at_us: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class RuleStore:
    """Threads may share it.

    Every method raises CatalogDown while the database does not answer, and FileError for a damaged file.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def put(self, stated: Mapping[str, Any], who: str, if_match: int | None = None, why: str = "") -> RuleWritten:
        """Create the rule, or replace it. `if_match`: the version that was read; 0: there must be none yet.

        Raises InvalidRule, Conflict.
        """
        rule = rule_of(stated)
        return self._write("put", rule.rule_id, lambda old: rule, who, if_match, why)

    def patch(
        self,
        rule_id: str,
        fields: Mapping[str, Any],
        who: str,
        if_match: int | None = None,
        why: str = "",
        check: Callable[[Rule], None] = lambda rule: None,
    ) -> RuleWritten:
        """Change some fields; null gives one its default. `check` may refuse the rule as it would be.

        Raises UnknownRule, InvalidRule, Conflict.
        """
        if fields.get("rule_id", rule_id) != rule_id:
            raise InvalidRule([Fault("rule_id", f"{rule_id}: a rule keeps its id", fields["rule_id"])])

        def patched(old: StoredRule | None) -> Rule:
            if old is None:
                raise UnknownRule(rule_id)
            rule = rule_of({**as_stated(old.rule), **fields})
            check(rule)
            return rule

        return self._write("patch", rule_id, patched, who, if_match, why)

    def remove(self, rule_id: str, who: str, if_match: int | None = None, why: str = "") -> int:
        """Its history stays. Returns the number of the change. Raises UnknownRule, Conflict."""
        with self.database.writing() as connection:
            old = connection.execute(sa.select(RULES).where(RULES.c.rule_id == rule_id)).first()
            if old is None:
                raise UnknownRule(rule_id)
            _match(rule_id, old.version, if_match)
            connection.execute(sa.delete(RULES).where(RULES.c.rule_id == rule_id))
            return _note(connection, "remove", rule_id, old.version + 1, who, why, old.rule, None)

    def get(self, rule_id: str) -> StoredRule:
        """Raises UnknownRule."""
        with self.database.reading() as connection:
            if (found := _one(connection, rule_id)) is None:
                raise UnknownRule(rule_id)
        return found

    def listed(self) -> list[StoredRule]:
        """All, by id."""
        with self.database.reading() as connection:
            return _all(connection)

    def version(self) -> int:
        """The newest change's number; 0: there never was a rule."""
        with self.database.reading() as connection:
            return _version(connection)

    def read(self) -> RulesRead:
        """All that can be read."""
        rules, unread = [], []
        with self.database.reading() as connection:
            version = _version(connection)
            for row in connection.execute(sa.select(RULES).order_by(RULES.c.rule_id)):
                try:
                    rules.append(rule_of_store(row.rule))
                except InvalidRule as error:
                    unread.append(f"{row.rule_id}: {'; '.join(map(str, error.faults))}")
        return RulesRead(version, tuple(rules), tuple(unread))

    def changes(self, rule_id: str) -> list[RuleChange]:
        """A rule's history, oldest first, also after its removal. Raises UnknownRule where there never was one."""
        query = sa.select(RULE_CHANGES).where(RULE_CHANGES.c.rule_id == rule_id).order_by(RULE_CHANGES.c.change_id)
        with self.database.reading() as connection:
            found = [RuleChange(**row._mapping) for row in connection.execute(query)]
        if not found:
            raise UnknownRule(rule_id)
        return found

    def require_videos(self, video_ids: Sequence[str]) -> None:
        """Raises InvalidRule for an id that the catalog does not hold."""
        with self.database.reading() as connection:
            _require_videos(connection, video_ids)

    def _write(
        self,
        action: str,
        rule_id: str,
        made: Callable[[StoredRule | None], Rule],
        who: str,
        if_match: int | None,
        why: str,
    ) -> RuleWritten:
        with self.database.writing() as connection:
            old = _one(connection, rule_id)
            rule = made(old)
            _match(rule_id, old.version if old else 0, if_match)
            if old is not None and old.rule == rule:
                return RuleWritten(old, 0)
            _require_videos(connection, rule.video_ids)
            count = connection.scalar(sa.select(sa.func.count()).select_from(RULES)) or 0
            if old is None and count >= MOST_RULES:
                raise InvalidRule([Fault("rule_id", f"at most {MOST_RULES} rules: remove one first", rule_id)])
            last = sa.select(sa.func.max(RULE_CHANGES.c.version)).where(RULE_CHANGES.c.rule_id == rule_id)
            stored = StoredRule(rule, (connection.scalar(last) or 0) + 1, time.time_ns() // 1000)
            values = {"rule": as_stated(rule), "version": stored.version, "changed_us": stored.changed_us}
            if old is None:
                connection.execute(sa.insert(RULES).values(rule_id=rule_id, **values))
            else:
                connection.execute(sa.update(RULES).where(RULES.c.rule_id == rule_id).values(**values))
            before = as_stated(old.rule) if old else None
            change_id = _note(connection, action, rule_id, stored.version, who, why, before, as_stated(rule))
        return RuleWritten(stored, change_id, created=old is None)


def _note(
    connection: sa.Connection,
    action: str,
    rule_id: str,
    version: int,
    who: str,
    why: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> int:
    change_id = _version(connection) + 1
    line = RuleChange(change_id, rule_id, version, action, who, why, time.time_ns() // 1000, before, after)
    connection.execute(sa.insert(RULE_CHANGES).values(**vars(line)))
    return change_id


def _version(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.max(RULE_CHANGES.c.change_id))) or 0


def _one(connection: sa.Connection, rule_id: str) -> StoredRule | None:
    row = connection.execute(sa.select(RULES).where(RULES.c.rule_id == rule_id)).first()
    return None if row is None else _stored(row)


def _all(connection: sa.Connection) -> list[StoredRule]:
    return [_stored(row) for row in connection.execute(sa.select(RULES).order_by(RULES.c.rule_id))]


def _stored(row: sa.Row[Any]) -> StoredRule:
    return StoredRule(rule_of_store(row.rule), row.version, row.changed_us)


def _match(rule_id: str, current: int, expected: int | None) -> None:
    """`current`: 0 where there is none."""
    if expected is not None and current != expected:
        raise Conflict("rule", rule_id, expected, current)


def _require_videos(connection: sa.Connection, video_ids: Sequence[str]) -> None:
    known = set(connection.scalars(sa.select(VIDEOS.c.video_id).where(VIDEOS.c.video_id.in_(video_ids))))
    if unknown := [one for one in video_ids if one not in known]:
        said = "videos of the catalog, which `marquee videos list` shows"
        raise InvalidRule([Fault("video_ids", said, unknown)])
