"""Mentions of one word in the audit of the catalog: found, and replaced for good."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from feature_repo.catalog.database import Database
from feature_repo.catalog.tables import CHANGES


def said(database: Database, word: str, pattern: re.Pattern[str]) -> list[dict[str, Any]]:
    """The changes of which who or why mentions a word. `pattern`: which mentions of it count."""
    columns = (CHANGES.c.change_id, CHANGES.c.video_id, CHANGES.c.at_us, CHANGES.c.who, CHANGES.c.why)
    with database.reading() as connection:
        rows = connection.execute(sa.select(*columns).where(_mentions(word)).order_by(CHANGES.c.change_id)).mappings()
        return [dict(row) for row in rows if pattern.search(row["who"]) or pattern.search(row["why"])]


def replace_words(database: Database, word: str, pattern: re.Pattern[str], by: str) -> int:
    """Replace these mentions, and overwrite what they leave behind in the file; returns in how many changes."""
    if not (found := said(database, word, pattern)):
        return 0
    with database.writing() as connection:
        is_file = connection.dialect.name == "sqlite"
        if is_file:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        for row in found:
            values = {name: pattern.sub(by, row[name]) for name in ("who", "why")}
            connection.execute(sa.update(CHANGES).where(CHANGES.c.change_id == row["change_id"]).values(values))
    if is_file:
        database.fold_journal()
    return len(found)


def _mentions(word: str) -> Any:
    return sa.or_(*(column.contains(word, autoescape=True) for column in (CHANGES.c.who, CHANGES.c.why)))
