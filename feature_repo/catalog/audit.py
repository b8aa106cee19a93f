"""Mentions of one word in the audits of the catalog and its rules: found, and replaced for good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from feature_repo.catalog.database import Database
from feature_repo.catalog.tables import CHANGES, RULE_CHANGES

AUDITS = (CHANGES, RULE_CHANGES)  # each with change_id, at_us, who and why


def said(database: Database, word: str, pattern: re.Pattern[str]) -> list[dict[str, Any]]:
    """The changes of which who or why mentions a word, with the audit. `pattern`: which mentions of it count."""
    with database.reading() as connection:
        return [{"audit": audit.name, **row} for audit in AUDITS for row in _found(connection, audit, word, pattern)]


def replace_words(database: Database, word: str, pattern: re.Pattern[str], by: str) -> int:
    """Replace these mentions, and overwrite what they leave behind in the file; returns in how many changes."""
    if not said(database, word, pattern):
        return 0
    count = 0
    with database.writing() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        for audit in AUDITS:
            for row in list(_found(connection, audit, word, pattern)):
                values = {name: pattern.sub(by, row[name]) for name in ("who", "why")}
                connection.execute(sa.update(audit).where(audit.c.change_id == row["change_id"]).values(values))
                count += 1
    database.fold_journal()
    return count


def _found(connection: sa.Connection, audit: sa.Table, word: str, pattern: re.Pattern[str]) -> Iterator[dict[str, Any]]:
    columns = [audit.c[name] for name in ("change_id", "at_us", "who", "why")]
    mentions = sa.or_(*(audit.c[name].contains(word, autoescape=True) for name in ("who", "why")))
    for row in connection.execute(sa.select(*columns).where(mentions).order_by(audit.c.change_id)).mappings():
        if pattern.search(row["who"]) or pattern.search(row["why"]):
            yield dict(row)
