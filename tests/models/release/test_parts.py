"""The table of a release's parts is whole: whoever makes, composes or loads parts finds each of them in it."""

from dataclasses import fields
from pathlib import Path

import pytest
from worlds.untrained import untrained_home

from feature_repo.core.errors import HomeError
from models.release.artifact import Release, load_release
from models.release.manifest import ArtifactError, Manifest
from models.release.parts import MODELS, PARTS, REFITTED, REQUIRED_FILES, made_by, trained_ranker, trained_two_tower
from models.release.store import champion


def test_every_field_of_a_release_is_loaded_from_a_part_and_every_name_stands_once() -> None:
    about = {"release_id", "path", "manifest", "world"}
    loaded = [part.field for part in PARTS if part.field]
    assert sorted(loaded) == sorted({field.name for field in fields(Release)} - about)
    assert len({part.name for part in PARTS}) == len(PARTS)


def test_a_part_that_a_release_may_lack_is_a_field_with_a_default() -> None:
    with_default = {field.name for field in fields(Release) if field.default is None}
    assert {part.field for part in PARTS if part.field and not part.required} == with_default


def test_names_are_those_that_homes_and_releases_of_older_revisions_hold() -> None:
    assert MODELS == ("two_tower", "ranker", "item_cf", "popularity")  # also the order within evaluation.json
    assert [part.name for part in REFITTED] == ["two_tower", "ranker"]
    sources = {"item_cf", "popularity", "matrix_factorization", "content_neighbours", "blend"}
    assert set(made_by("two-tower")) == sources | {"two_tower", "two_tower_refit"}
    assert made_by("ranker") == ["ranker", "ranker_refit"]
    assert {"two_tower/config.json", "ranker/config.json", "index/ids.json", "static.json", "policy.toml"} <= set(
        REQUIRED_FILES
    )


def test_a_folder_is_in_a_release_by_its_files_and_not_by_a_longer_name() -> None:
    tower = PARTS[0]
    assert tower.is_in({"two_tower/config.json"})
    assert not tower.is_in({"two_tower_judged/config.json", "two_tower"[:-1]})
    assert tower.proven_by == "two_tower/config.json"


def test_what_the_manifest_lists_is_loaded_and_nothing_else(tmp_path: Path) -> None:
    path = champion(untrained_home(tmp_path))
    release, files = load_release(path), Manifest.read(path).files
    for part in PARTS:
        if part.field:
            assert (getattr(release, part.field) is not None) == part.is_in(files)


def test_a_trained_model_that_cannot_be_read_is_named_with_the_command_that_trains_it(tmp_path: Path) -> None:
    path = champion(untrained_home(tmp_path))
    assert trained_two_tower(path).dim == load_release(path).retrieval.dim
    assert trained_ranker(path).encoding == load_release(path).ranker.encoding
    for model, load, file in (
        ("two_tower", trained_two_tower, "config.json"),
        ("two_tower", trained_two_tower, "video_vectors.safetensors"),
        ("two_tower", trained_two_tower, "user_tower.onnx"),
        ("ranker", trained_ranker, "encoding.json"),
        ("ranker", trained_ranker, "config.json"),
    ):
        whole = (path / model / file).read_bytes()
        (path / model / file).write_bytes(whole[: len(whole) // 2])
        fix = f"{model}: expected {model} as it was trained, found something else: .*; run `marquee train .*` again"
        with pytest.raises(ArtifactError, match=fix):
            load(path)
        (path / model / file).write_bytes(whole)
    with pytest.raises(HomeError, match=r"no two_tower model at .*: run `marquee train two-tower` first"):
        trained_two_tower(tmp_path)
