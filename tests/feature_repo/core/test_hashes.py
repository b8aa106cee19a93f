"""Hashes tell content apart and nothing else: not order, not times, not places."""

import hashlib
from pathlib import Path

import pytest

from feature_repo.core.hashes import canonical, content_of, directory_id, hashes, sha256_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one" / "inner").mkdir(parents=True)
    (tmp_path / "one" / "b").write_text("b")
    (tmp_path / "one" / "inner" / "a").write_text("a")
    return tmp_path / "one"


def test_a_directory_is_its_files_by_relative_path(folder: Path) -> None:
    digest = hashlib.sha256(b"a").hexdigest()
    assert list(hashes(folder)) == ["b", "inner/a"]
    assert hashes(folder)["inner/a"] == sha256_of(folder / "inner" / "a") == digest


def test_the_same_content_elsewhere_has_the_same_id_and_another_has_not(folder: Path) -> None:
    before = directory_id(folder)
    assert directory_id(folder.rename(folder.with_name("moved"))) == before
    (folder.with_name("moved") / "b").write_text("B")
    assert directory_id(folder.with_name("moved")) != before


def test_what_is_not_there_has_no_hash(folder: Path) -> None:
    found = content_of([folder, folder / "b", folder / "gone"])
    assert found == {"one": directory_id(folder), "b": sha256_of(folder / "b"), "gone": ""}


def test_the_order_of_fields_does_not_matter_and_no_number_is_refused() -> None:
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1})
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})


def test_content_is_told_by_bytes_and_not_by_times(tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    for path in (folder / "a", file):
        path.write_text("same")
    before = content_of([folder, file, tmp_path / "absent"])
    (folder / "a").touch()
    assert content_of([folder, file, tmp_path / "absent"]) == before
    assert before["absent"] == ""
    (folder / "a").write_text("other")
    assert content_of([folder])["folder"] != before["folder"]
