"""A reader sees a file or a directory whole, and what fails leaves the old one."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.files import FileError, atomic_directory, plain, read_json, write_atomic


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "world.json"
    write_atomic(file, "old")
    write_atomic(file, b"new")
    assert file.read_text() == "new"
    assert [path.name for path in file.parent.iterdir()] == ["world.json"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    write_atomic(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(file, "\ud800")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["world.json"]


def test_a_directory_takes_its_place_when_it_is_complete(tmp_path: Path) -> None:
    place = tmp_path / "release"
    for content in ("old", "new"):
        with atomic_directory(place) as folder:
            (folder / "file").write_text(content)
            assert not (place / "file").exists() or (place / "file").read_text() == "old"
    assert (place / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_a_directory_that_failed_half_way_is_forgotten(tmp_path: Path) -> None:
    place = tmp_path / "release"
    with atomic_directory(place) as folder:
        (folder / "file").write_text("old")

    def half() -> None:
        with atomic_directory(place) as folder:
            (folder / "file").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert (place / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


@dataclass(frozen=True)
class Pair:
    left: int
    right: str


def pair(path: Path) -> Pair:
    return read_json(path, lambda fields: Pair(**fields), "a pair", "run `marquee pair`")


@pytest.mark.parametrize(
    "content", [b"", b'{"left": 1, "ri', b"3", b"null", b"[1, 2]", b'{"left": 1}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_file_that_is_not_what_it_should_be_is_one_line_with_what_mends_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pair.json"
    file.write_bytes(content)
    with pytest.raises(FileError, match=r"pair.json: expected a pair, found something else: .*; run `marquee pair`$"):
        pair(file)


def test_a_missing_file_is_a_home_that_lacks_it_and_a_directory_is_none(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"pair.json: expected a pair, found nothing; run `marquee pair`$"):
        pair(tmp_path / "pair.json")
    with pytest.raises(FileError, match="expected a pair, found a directory"):
        pair(tmp_path)


def test_what_the_disk_refuses_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(OSError) as caught:
        write_atomic(tmp_path / "models" / "blend.json", "{}")
    assert caught.value.filename == str(tmp_path / "models" / "blend.json")


def test_paths_arrays_and_dataclasses_become_json() -> None:
    value = {"path": Path("a/b"), "array": np.array([1, 2]), "scalar": np.float32(0.5), "pair": Pair(1, "x")}
    assert json.loads(json.dumps(value, default=plain)) == {
        "path": "a/b",
        "array": [1, 2],
        "scalar": 0.5,
        "pair": {"left": 1, "right": "x"},
    }
    with pytest.raises(TypeError, match="object is not JSON"):
        json.dumps(object(), default=plain)
