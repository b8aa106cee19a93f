"""The table of a release's parts is whole: whoever makes, composes or loads parts finds each of them in it."""

from dataclasses import fields
from pathlib import Path

from worlds.untrained import untrained_home

from models.release.artifact import Release, load_release
from models.release.manifest import Manifest
from models.release.parts import MODELS, PARTS, REFITTED, REQUIRED_FILES, made_by
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
