"""Releases that differ by rounding are the same; any other difference makes another one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
from worlds.untrained import releases, untrained_home

from feature_repo.core.hashes import hashes
from models.release.manifest import MANIFEST, Manifest
from training.release.rounding import RELATIVE, _same, _trees, equal_to_rounding

NOISE, CHANGE = RELATIVE / 10, RELATIVE * 100
Edit = Callable[[Path, float], None]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = untrained_home(tmp_path_factory.mktemp("untrained") / "home")
    return home.releases / releases(home)[0]


@pytest.fixture
def draft(release: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(release, tmp_path / "draft"))
    (copy / MANIFEST).unlink()
    return copy


def compared(draft: Path, release: Path) -> bool:
    return equal_to_rounding(draft, replace(Manifest.read(release), files=hashes(draft)).identified(), release)


def tensors(draft: Path, by: float) -> None:
    file = draft / "two_tower" / "video_vectors.safetensors"
    save_file({name: value * np.float32(1 + by) for name, value in load_file(file).items()}, file)


def network(draft: Path, by: float) -> None:
    file = draft / "ranker" / "ranker.onnx"
    model = onnx.load(file)
    for one in model.graph.initializer:
        value = numpy_helper.to_array(one)
        if value.dtype == np.float32:
            one.CopyFrom(numpy_helper.from_array(value * np.float32(1 + by), one.name))
    onnx.save(model, file)


def fields(draft: Path, by: float) -> None:
    file = draft / "ranker" / "config.json"
    content = json.loads(file.read_text())
    content["seconds_at_rank"] = [one * (1 + by) for one in content["seconds_at_rank"]]
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("edit", [tensors, network, fields])
def test_a_number_rounded_otherwise_is_the_same_release_and_another_number_is_not(
    draft: Path, release: Path, edit: Edit
) -> None:
    assert compared(draft, release)
    edit(draft, NOISE)
    assert hashes(draft).items() - Manifest.read(release).files.items()
    assert compared(draft, release)
    edit(draft, CHANGE)
    assert not compared(draft, release)


def test_the_text_of_trees_is_compared_number_by_number(tmp_path: Path) -> None:
    texts = {
        "ours": "Tree=0\ntree_sizes=31\nleaf_value=0.1 -2.5\n",
        "rounded": "Tree=0\ntree_sizes=47\nleaf_value=0.10000000000000002 -2.5\n",
        "other": "Tree=0\ntree_sizes=31\nleaf_value=0.2 -2.5\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    ours, rounded, other = (_trees(tmp_path / name) for name in texts)
    assert _same(ours, rounded)
    assert not _same(ours, other)


def test_how_it_was_judged_makes_no_difference_and_what_is_shown_does(draft: Path, release: Path) -> None:
    shutil.copytree(release, draft.parent / release.name)
    release = draft.parent / release.name
    for path in (draft, release):
        (path / "evaluation.json").write_text(json.dumps({"models": {"ranker": str(path)}}))
    files = {name: digest for name, digest in hashes(release).items() if name != MANIFEST}
    manifest = replace(Manifest.read(release), files=files).identified()
    release = release.rename(release.with_name(manifest.release_id))
    (release / MANIFEST).write_bytes(manifest.to_bytes())
    assert compared(draft, release)
    policy = draft / "policy.toml"
    policy.write_text(policy.read_text() + "# stricter\n")
    assert not compared(draft, release)


def test_another_window_of_time_more_files_or_a_damaged_release_make_a_difference(draft: Path, release: Path) -> None:
    manifest = replace(Manifest.read(release), files=hashes(draft))
    later = replace(manifest, cuts=replace(manifest.cuts, end_us=manifest.cuts.end_us + 1))
    assert not equal_to_rounding(draft, later, release)
    (draft / "more.json").write_text("{}")
    assert not compared(draft, release)
    (draft / "more.json").unlink()
    damaged = Path(shutil.copytree(release, draft.parent / release.name))
    (damaged / "static.json").write_text("[]")
    assert not compared(draft, damaged)


def test_what_no_number_is_must_be_equal() -> None:
    assert _same({"a": [1.0, "x", None, True]}, {"a": [1.0 + NOISE, "x", None, True]})
    for other in ({"a": [1.0, "y", None, True]}, {"a": [1.0, "x", None]}, {"b": [1.0, "x", None, True]}):
        assert not _same({"a": [1.0, "x", None, True]}, other)
    assert not _same(1, 2)
    assert _same(np.array([1, 2]), np.array([1, 2]))
    assert not _same(np.array([1.0, 0.0]), np.array([1.0, 1e-3]))
