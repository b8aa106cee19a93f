"""A manifest is the same bytes for the same content, and is read whatever revision wrote it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from feature_repo.core.hashes import canonical
from feature_repo.core.home import World
from models.release.manifest import MANIFEST, ArtifactError, Cuts, Manifest

WORLD = World("toy", "simulator", "str", ("drama", "comedy"), 50, 0.0, "u1")
MADE = Manifest(
    created="2026-11-21T00:00:00+00:00",
    files={"policy.toml": "ab" * 32},
    world=WORLD,
    feature_service="home_rank_v1",
    cuts=Cuts(1, 2, 3),
    metrics={"ranking": {}},
    mlflow={"ranker": "1"},
).identified()


def write(folder: Path, content: bytes) -> Path:
    (folder / MANIFEST).write_bytes(content)
    return folder


def test_what_is_written_is_read_back_and_is_written_the_same_again(tmp_path: Path) -> None:
    found = Manifest.read(write(tmp_path, MADE.to_bytes()))
    assert found == MADE
    assert found.to_bytes() == MADE.to_bytes()


def test_its_bytes_and_its_id_are_those_of_the_first_revision() -> None:
    assert MADE.release_id == "r-939423c77405"
    said = json.loads(MADE.to_bytes())
    assert list(said) == sorted(said)
    assert said["checksum"] == "45ed6784d8596e0d993d9d26676c5332c471544903ae4cabdf365df7be9f5d7d"


def test_the_id_is_that_of_the_content_and_not_of_when_it_was_made_or_registered() -> None:
    assert replace(MADE, created="", mlflow={}, metrics={}).identified().release_id == MADE.release_id
    assert replace(MADE, cuts=Cuts(1, 2, 4)).identified().release_id != MADE.release_id


def test_a_field_of_another_revision_is_no_reason_to_refuse_and_neither_is_one_that_lacks(tmp_path: Path) -> None:
    said = json.loads(MADE.to_bytes())
    del said["checksum"], said["mlflow"]
    said["experiment"] = "ring"
    said["checksum"] = hashlib.sha256(canonical(said)).hexdigest()
    found = Manifest.read(write(tmp_path, canonical(said)))
    assert found == replace(MADE, mlflow={})


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", MADE.to_bytes().replace(b"toy", b"top")])
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ArtifactError, match=MANIFEST):
        Manifest.read(write(tmp_path, content))
