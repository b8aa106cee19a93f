"""The addresses that MLflow keeps in a home: it stores absolute ones, and a home may be copied or moved.

Whoever opens the home rewrites them to where it lies now, so that `mlflow` alone finds the files as well.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

MARK = "/mlflow/artifacts/"  # the part of an experiment's address before this is the home where it was made
# The columns in which MLflow stores absolute paths of a home's files.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("datasets", "dataset_source"),
)
WAIT_SECONDS = 1.0  # for another process that writes to it


def settle_record(root: Path) -> None:
    """Where this cannot be done (a damaged database, a read-only disk) whoever needs the record says so."""
    store = root / "mlflow" / "mlflow.db"
    if not store.exists():
        return
    with suppress(sqlite3.Error):
        here = root.as_uri().removeprefix("file://")
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)) as database:
            there = _made_at(database)
        if there in (None, here):
            return
        with closing(sqlite3.connect(store, timeout=WAIT_SECONDS)) as database, database:
            for table, column in ADDRESSES:
                database.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE {column} LIKE ?",
                    (f"{there}/", f"{here}/", f"%{there}/%"),
                )


def _made_at(database: sqlite3.Connection) -> str | None:
    """The home that the experiments speak of; raises sqlite3.Error before MLflow has created its tables."""
    found = database.execute(
        "SELECT artifact_location FROM experiments WHERE artifact_location LIKE ?", (f"file://%{MARK}%",)
    ).fetchone()
    return str(found[0]).rpartition(MARK)[0].removeprefix("file://") if found else None
