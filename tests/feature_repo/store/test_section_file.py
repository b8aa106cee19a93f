"""Arrays in a mapped file: equal to what was written, or refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.store import section_file
from feature_repo.store.section_file import COLUMNS, MANIFEST, VERIFIED, DamagedSections, Sections, write_sections

ARRAYS: dict[str, list[np.ndarray[Any, Any]]] = {
    "numbers": [np.arange(1000.0)],
    "matrix": [np.ones((10, 3), dtype=np.float32)],
    "pieces": [np.arange(5, dtype=np.uint8), np.arange(3, dtype=np.uint8)],
    "nothing": [np.zeros(0, dtype=np.int64)],
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_sections(tmp_path, ARRAYS, frozenset(("numbers", "nothing")), {"of": "this"}, lambda: None)
    return tmp_path


def test_arrays_come_back(directory: Path) -> None:
    sections = Sections(directory)
    sections.verify()
    assert sections.facts == {"of": "this"}
    for name, pieces in ARRAYS.items():
        found, expected = sections.array(name), np.concatenate(pieces)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(DamagedSections, match="there is no other"):
        sections.array("other")


def test_what_is_written_to_room_is_ones_own(directory: Path) -> None:
    content = (directory / COLUMNS).read_bytes()
    sections = Sections(directory)
    one, other, third = (sections.with_room("numbers") for _ in range(3))
    assert len(one) == 1125
    one[[0, 1124]], other[0] = 7, 8
    assert (one[0], other[0], third[0], sections.array("numbers")[0], one[1124], other[1124]) == (7, 8, 0, 0, 7, 0)
    assert len(sections.with_room("nothing")) == 64
    assert (directory / COLUMNS).read_bytes() == content


def test_a_removed_file_stays_what_it_is(directory: Path) -> None:
    sections = Sections(directory)
    for file in directory.iterdir():
        file.unlink()
    np.testing.assert_array_equal(sections.array("numbers"), np.arange(1000.0))
    for _ in range(2):
        np.testing.assert_array_equal(sections.with_room("numbers")[:1000], np.arange(1000.0))


@pytest.mark.parametrize("name", ["numbers", "matrix", "pieces"])
def test_a_byte_of_any_array_that_is_another_is_noticed(directory: Path, name: str) -> None:
    Sections(directory).verify()  # and noted; whoever writes to the file changes what was noted
    section = Sections(directory)._section(name)
    with (directory / COLUMNS).open("r+b") as file:
        file.seek(section.offset + section.row_bytes * section.shape[0] - 1)
        file.write(b"\x99")
    with pytest.raises(DamagedSections, match=f"{name} is not what was written"):
        Sections(directory).verify()


def test_a_manifest_that_was_changed_and_a_file_cut_short_are_refused(directory: Path) -> None:
    said = (directory / MANIFEST).read_bytes()
    for other in (said.replace(b"this", b"that"), said[:-1], b"", b"\xff\n"):
        (directory / MANIFEST).write_bytes(other)
        with pytest.raises(DamagedSections, match="manifest"):
            Sections(directory)
    (directory / MANIFEST).write_bytes(said)
    os.truncate(directory / COLUMNS, 100)
    with pytest.raises(DamagedSections, match="bytes, found 100"):
        Sections(directory)


def test_one_process_of_a_machine_reads_all_bytes(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    hash_ = Sections._hash

    def counted(sections: Sections, section: section_file._Section) -> str:
        read.append(section)
        return hash_(sections, section)

    monkeypatch.setattr(Sections, "_hash", counted)
    for _ in range(2):
        Sections(directory).verify()
    assert len(read) == len(ARRAYS)
    os.utime(directory / COLUMNS)  # somebody touched it
    Sections(directory).verify()
    assert len(read) == 2 * len(ARRAYS)
    (directory / VERIFIED).write_text("{")
    Sections(directory).verify()
    assert len(read) == 3 * len(ARRAYS)
    monkeypatch.setattr(section_file, "BOOT_ID", directory / "no such system")
    Sections(directory).verify()
    assert len(read) == 4 * len(ARRAYS)
