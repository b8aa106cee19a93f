"""Composes the candidate models, the index and the policy into one content-hashed release."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from feature_repo.registry import VIDEO_COLUMNS
from feature_repo.schema import RANK_SERVICE
from models.candidates.popularity import Popularity
from models.page.policy import load_policy
from models.page.policy_file import policy_of
from models.release.artifact import verify
from models.release.manifest import MANIFEST, ArtifactError, Cuts, Manifest
from models.release.parts import COMPOSING, PARTS, REFITTED, judged_name, refitted_name
from models.retrieval.artifact import RetrievalModel
from training.data.splits import time_cuts
from training.record.tracking import try_tracking
from training.record.training_facts import TwoTowerTraining
from training.release.evaluation import Evaluation, current_evaluation
from training.release.index import built_index
from training.release.rounding import equal_to_rounding

STATIC_VIDEOS = 200


def build_release(home: Home, policy: Path | None = None, champion: Path | None = None) -> Path:
    """Compose HOME/releases/<id> from HOME/models; equal content is the same release and is not written again.

    Nor is a release that equals `champion` up to rounding: the result is then the champion's path. Default of `policy`:
    the home's policy file. Raises HomeError if a model or its evaluation is missing, or if the evaluation is of other
    models, PolicyError for an invalid policy, and ArtifactError for a model that cannot be read.
    """
    declared = policy or policy_of(home)
    load_policy(declared)
    evaluation = current_evaluation(home)
    _require_readable(home.models)
    home.releases.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=home.releases, prefix=".draft."))
    try:
        for part in (part for part in PARTS if part.in_models):
            _copy(home.models / part.name, draft / part.name, part.required)
        for name in (part.name for part in REFITTED if (home.models / refitted_name(part.name)).is_dir()):
            os.replace(draft / name, draft / judged_name(name))
            _copy(home.models / refitted_name(name), draft / name)
        retrieval = RetrievalModel.load(draft / "two_tower")
        put_index(home, retrieval, draft, cut_of(home).videos())
        shutil.copyfile(declared, draft / "policy.toml")
        _write_json(draft / "static.json", static_videos(home, Popularity.load(draft / "popularity")))
        manifest = _manifest(home, draft, evaluation)
        if champion is not None and equal_to_rounding(draft, manifest, champion):
            return champion
        write_atomic(draft / MANIFEST, manifest.to_bytes())
        return settle(draft, home.releases / manifest.release_id)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put_index(home: Home, retrieval: RetrievalModel, draft: Path, videos: pa.Table) -> None:
    """Build the index of a release's retrieval model, with its facts, in place of any that the draft holds."""
    shutil.rmtree(draft / "index", ignore_errors=True)
    index, facts = built_index(home, retrieval, TwoTowerTraining.read(draft / "two_tower").split, videos)
    index.save(draft / "index")
    facts.write(draft / "index")


def static_videos(home: Home, popularity: Popularity, newest_too: bool = False) -> list[dict[str, Any]]:
    """The most popular videos with all columns that pages and filters read; `newest_too`: then the newest, where what
    was watched does not suffice."""
    catalog = {row["video_id"]: row for row in cut_of(home).videos().select(list(VIDEO_COLUMNS)).to_pylist()}
    order = popularity.top(STATIC_VIDEOS)
    if newest_too:
        newest = {one: -video["published_timestamp_us"] or math.inf for one, video in catalog.items()}  # 0: not known
        order = [*order, *sorted(catalog, key=lambda one: (newest[one], one))]
    return [catalog[video_id] for video_id in dict.fromkeys(order) if video_id in catalog][:STATIC_VIDEOS]


def _require_readable(models: Path) -> None:
    """Raises ArtifactError for a part that cannot be read. The evaluation vouches for the models that it measured only:
    not for refitted ones, nor for other sources of candidates."""
    made = [part for part in PARTS if part.made_by != COMPOSING]
    found = [(part, models / part.name) for part in made]
    found += [(part, models / refitted_name(part.name)) for part in REFITTED]
    for part, path in found:
        if path.exists():
            part.read(path)


def _copy(source: Path, target: Path, required: bool = True) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif required or source.exists():
        shutil.copyfile(source, target)


def _manifest(home: Home, draft: Path, evaluation: Evaluation) -> Manifest:
    # A model is registered under the name of the step that trains it.
    versions, _ = try_tracking(
        home,
        lambda tracking: {
            part.made_by: tracking.version_of(part.made_by, home.models / part.name) for part in REFITTED
        },
    )
    return Manifest(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        files=hashes(draft),
        world=replace(home.world(), example_user=""),  # no release names a viewer
        feature_service=RANK_SERVICE,
        cuts=Cuts(**asdict(time_cuts(cut_of(home)))),
        metrics=evaluation.metrics,
        mlflow=versions or {},
    ).identified()


def settle(draft: Path, path: Path) -> Path:
    """Move the draft to its final name, unless the same release is already there and intact."""
    try:
        verify(path)
    except ArtifactError:
        shutil.rmtree(path, ignore_errors=True)
        os.replace(draft, path)
    return path


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")
