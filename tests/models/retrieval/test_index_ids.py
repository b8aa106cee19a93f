"""Ids by row and rows by id, also of removed videos, mapped from files, and of releases that have ids.json alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from feature_repo.core import row_map
from models.retrieval import index_ids
from models.retrieval.index_ids import IndexIds

IDS = ["v0", "", "film/ä", "v2", "", "日本"]


def loaded(directory: Path) -> IndexIds:
    IndexIds.of(IDS).save(directory)
    return IndexIds.load(directory)


def of_an_older_revision(directory: Path) -> IndexIds:
    (directory / "ids.json").write_text(json.dumps(IDS))
    return IndexIds.load(directory)


@pytest.mark.parametrize("made", [lambda directory: IndexIds.of(IDS), loaded, of_an_older_revision])
def test_every_row_has_its_id_and_every_held_id_its_row(made: object, tmp_path: Path) -> None:
    ids = made(tmp_path)  # type: ignore[operator]
    assert (len(ids), list(ids), ids[2], ids[-1]) == (6, IDS, "film/ä", "日本")
    assert ids.of_rows(np.array([[5, -1], [1, 0]])).tolist() == [["日本", ""], ["", "v0"]]
    assert dict(ids.row_of) == {"v0": 0, "film/ä": 2, "v2": 3, "日本": 5}
    assert (ids.row_of.get("v2"), ids.row_of.get(""), ids.row_of.get("v1"), "v0" in ids.row_of) == (3, None, None, True)
    assert ids.row_of.many(["日本", "", "v1", "v0"]).tolist() == [5, -1, -1, 0]


def test_no_ids_are_no_rows(tmp_path: Path) -> None:
    IndexIds.of([]).save(tmp_path)
    ids = IndexIds.load(tmp_path)
    assert (len(ids), list(ids), len(ids.row_of), ids.row_of.get("v0")) == (0, [], 0, None)
    assert ids.of_rows(np.array([[-1]])).tolist() == [[""]]


def test_ids_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def three(video_ids: list[str]) -> np.ndarray:
        return np.array([len(video_id) % 3 for video_id in video_ids], dtype=np.uint64)

    monkeypatch.setattr(index_ids, "hashes_of", three)
    monkeypatch.setattr(row_map, "hashes_of", three)
    many = [f"{'v' * (row % 7)}{row}" for row in range(100)]
    IndexIds.of(many).save(tmp_path)
    row_of = IndexIds.load(tmp_path).row_of
    assert row_of.many(many).tolist() == list(range(100))
    assert row_of.many([f"{one}x" for one in many]).tolist() == [-1] * 100


def test_what_is_loaded_is_mapped_and_not_copied(tmp_path: Path) -> None:
    many = [f"v{row:07d}" for row in range(50_000)]
    IndexIds.of(many).save(tmp_path)
    ids = IndexIds.load(tmp_path)
    assert ids.row_of.many(many[:5]).tolist() == [0, 1, 2, 3, 4]
    maps = Path("/proc/self/maps")
    if maps.exists():
        text = maps.read_text()
        assert all(str(tmp_path / f"ids-{name}.npy") in text for name in index_ids.ARRAYS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["ids.json", *(f"ids-{name}.npy" for name in index_ids.ARRAYS)]
    )
    assert json.loads((tmp_path / "ids.json").read_text()) == many
