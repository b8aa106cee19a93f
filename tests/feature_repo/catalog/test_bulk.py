"""A whole catalog in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.catalog import bulk
from feature_repo.catalog.bulk import SCHEMA, completed, export, replace_all
from feature_repo.catalog.database import Database
from feature_repo.catalog.outbox import Outbox
from feature_repo.catalog.store import CatalogStore
from feature_repo.lake.tables import VIDEOS

SOURCE = pa.table(
    {
        "video_id": ["b", "a", "c"],
        "title": ["B", "Ä", "C"],
        "genres": pa.array([["War", "Drama"], [], None], pa.list_(pa.string())),
        "duration_seconds": np.array([1, 2, 3]),
    }
)


def test_a_source_is_completed_with_defaults_and_the_first_genre_as_category_by_id() -> None:
    found = completed(SOURCE)
    assert found.schema == SCHEMA == VIDEOS
    rows = found.select(
        ["video_id", "category", "genres", "duration_seconds", "cast", "thumbnail", "licence_cost"]
    ).to_pylist()
    rest: dict[str, Any] = {"cast": [], "thumbnail": "", "licence_cost": -1.0}
    assert rows == [
        {"video_id": "a", "category": "", "genres": [], "duration_seconds": 2.0, **rest},
        {"video_id": "b", "category": "War", "genres": ["War", "Drama"], "duration_seconds": 1.0, **rest},
        {"video_id": "c", "category": "", "genres": [], "duration_seconds": 3.0, **rest},
    ]


def test_a_stated_category_stays_and_slices_are_read_at_their_place() -> None:
    genres = pa.chunked_array([[["X"], ["A", "B"]], [["C"]]], pa.list_(pa.string()))
    table = pa.table({"video_id": ["0", "1", "2"], "genres": genres, "category": ["", "B", ""]}).slice(1)
    assert completed(table)["category"].to_pylist() == ["B", "C"]
    assert completed(SOURCE.slice(0, 0)).num_rows == 0


def test_what_goes_in_comes_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", 2)
    assert replace_all(database, completed(SOURCE), "ingest movielens", "w-1") == 1
    assert export(database) == (completed(SOURCE), 1)
    catalog = CatalogStore(database, lambda: 5)
    catalog.put({"video_id": "aa", "title": "New", "duration_seconds": 1, "cast": ["Åsa"]}, "web")
    table, version = export(database)
    assert version == 2
    assert table["video_id"].to_pylist() == ["a", "aa", "b", "c"]
    assert table.slice(1, 1).to_pylist() == [catalog.get("aa").video]


def test_an_ingest_is_one_line_of_the_audit_and_raises_every_version(database: Database) -> None:
    catalog = CatalogStore(database, lambda: 5)
    replace_all(database, completed(SOURCE), "simulate", "w-1")
    catalog.patch("a", {"title": "B"}, "web")
    assert catalog.get("a").version == 2
    assert replace_all(database, completed(SOURCE.slice(0, 2)), "simulate", "w-2") == 3
    assert catalog.get("a").version == 3
    assert (catalog.count(), catalog.version()) == (2, 3)
    first, _, last = Outbox(database, "r", 1.0).unsent(5)
    assert (first.action, first.video_id, first.video, first.who) == ("ingest", "", None, "simulate")
    assert (last.action, last.change_id) == ("ingest", 3)


def test_an_empty_catalog_comes_out_empty(database: Database) -> None:
    assert export(database) == (SCHEMA.empty_table(), 0)
