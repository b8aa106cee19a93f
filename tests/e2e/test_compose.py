"""The release is composed of the candidate models and is the same release for the same content."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.page.policy_file import POLICY
from models.release.artifact import as_judged, judged, load_release
from models.release.parts import REFITTED
from models.release.store import champion
from training.data.video_vectors import video_vectors
from training.release.compose import build_release


@pytest.fixture
def home(own_world: Path) -> Home:
    return Home(own_world)


def test_the_same_content_is_the_same_release_and_is_not_written_again(home: Home) -> None:
    before = {file: file.stat().st_mtime_ns for file in champion(home).rglob("*") if file.is_file()}
    assert build_release(home) == champion(home)
    assert {file: file.stat().st_mtime_ns for file in champion(home).rglob("*") if file.is_file()} == before
    assert [path.name for path in home.releases.iterdir() if path.name.startswith(".draft")] == []


def test_a_damaged_release_is_written_again(home: Home) -> None:
    path = champion(home)
    (path / "static.json").write_text("[]")
    assert build_release(home) == path
    assert len(load_release(path).static_videos) > 10


def test_another_policy_is_another_release(home: Home, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.read_text() + "\n# stricter\n")
    path = build_release(home, policy=policy)
    assert path != champion(home)
    assert (path / "policy.toml").read_text() == policy.read_text()


def test_the_manifest_says_what_the_release_was_made_of(home: Home) -> None:
    manifest = load_release(champion(home)).manifest
    evaluation = json.loads((home.models / "evaluation.json").read_text())
    assert manifest.metrics == evaluation["metrics"]
    assert manifest.world == replace(home.world(), example_user="")  # a release names no viewer
    assert manifest.cuts.t1_us < manifest.cuts.t2_us < manifest.cuts.end_us
    assert set(manifest.mlflow) == {"two-tower", "ranker"}
    assert all(manifest.mlflow.values())


def test_what_is_served_has_learned_from_everything_and_what_was_judged_lies_beside_it(home: Home) -> None:
    served = load_release(champion(home))
    before = as_judged(served)
    shown = Lake(home).impressions()
    for release, until in ((served, "end_us"), (before, "t2_us")):
        rates = release.ranker.encoding.rates
        assert rates is not None
        known = shown.filter(pc.less(shown["timestamp_us"], getattr(served.manifest.cuts, until)))
        assert rates.tables["user"].counts.sum() == len(known)
    assert (served.retrieval.item_vectors[0] != before.retrieval.item_vectors[0]).any()
    for model in (part.name for part in REFITTED):
        assert directory_id(judged(served.path, model)) == directory_id(home.models / model)


def test_the_index_finds_each_video_by_its_own_vector(home: Home) -> None:
    release = load_release(champion(home))
    unit = release.retrieval.item_vectors / np.linalg.norm(release.retrieval.item_vectors, axis=1, keepdims=True)
    _, scores = release.index.search(unit[:20], 5)
    _, every = video_vectors(home, release.retrieval)  # those of new videos as well
    best = (unit[:20] @ every.T).max(axis=1)
    np.testing.assert_allclose(scores[:, 0], best, rtol=1e-4)


def test_a_model_trained_after_the_evaluation_is_not_released(home: Home) -> None:
    config = home.models / "ranker" / "config.json"
    fields = json.loads(config.read_text())
    fields["seconds_at_rank"][-1] += 1.0
    config.write_text(json.dumps(fields))
    with pytest.raises(HomeError, match=r"ranker changed since the evaluation: run `marquee evaluate`"):
        build_release(home)


def test_without_an_evaluation_or_a_model_the_command_to_run_is_named(home: Home) -> None:
    (home.models / "evaluation.json").unlink()
    with pytest.raises(HomeError, match="marquee evaluate"):
        build_release(home)
    (home.models / "ranker").rename(home.models / "gone")
    with pytest.raises(HomeError, match="marquee train"):
        build_release(home)
