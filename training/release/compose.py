"""Compose the candidate models, the index and the policy into one content-hashed release."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feature_repo.core.errors import HomeError
from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import directory_id, hashes
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from feature_repo.registry import VIDEO_COLUMNS
from feature_repo.schema import RANK_SERVICE
from models.candidates.popularity import Popularity
from models.page.policy_file import policy_of
from models.release.artifact import (
    JUDGED,
    MANIFEST,
    ArtifactError,
    content_id,
    judged_name,
    manifest_bytes,
    refitted_name,
    verify,
)
from models.retrieval.artifact import RetrievalModel
from training.data.splits import time_cuts
from training.data.video_vectors import build_index
from training.record.tracking import RANKER, TWO_TOWER, Tracking

MODELS = ("two_tower", "ranker", "item_cf", "popularity")
OF_SOURCES = ("matrix_factorization", "content_neighbours", "blend")  # models trained before there were these lack them
OF_FRONTIER = "exposure"  # only where `marquee frontier` chose prices
TRACKED = {TWO_TOWER: "two_tower", RANKER: "ranker"}
STATIC_VIDEOS = 200


def build_release(home: Home, policy: Path | None = None) -> Path:
    """Compose HOME/releases/<id> from HOME/models; the same content is the same release and is not written again.

    `policy` None: that of the home. Raises HomeError when a model or its evaluation is missing or does not belong to
    the others.
    """
    evaluation = current_evaluation(home)
    home.releases.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=home.releases, prefix=".draft."))
    try:
        for name in MODELS:
            shutil.copytree(home.models / name, draft / name)
        for name in (*OF_SOURCES, OF_FRONTIER):
            if (home.models / name).is_dir():
                shutil.copytree(home.models / name, draft / name)
        for model in JUDGED:
            if (home.models / refitted_name(model)).is_dir():
                os.replace(draft / model, draft / judged_name(model))
                shutil.copytree(home.models / refitted_name(model), draft / model)
        retrieval = RetrievalModel.load(draft / "two_tower")
        build_index(home, retrieval).save(draft / "index")
        shutil.copyfile(policy or policy_of(home), draft / "policy.toml")
        shutil.copyfile(home.models / "evaluation.json", draft / "evaluation.json")
        _write_json(draft / "static.json", static_videos(home, Popularity.load(draft / "popularity")))
        manifest = _manifest(home, draft, evaluation)
        write_atomic(draft / MANIFEST, manifest_bytes(manifest))
        return _settle(draft, home.releases / manifest["release_id"])
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def current_evaluation(home: Home) -> dict[str, Any]:
    """HOME/models/evaluation.json. Raises HomeError unless it measured the models that lie beside it."""
    for name in MODELS:
        if not (home.models / name).is_dir():
            raise HomeError(f"no {name} model at {home.models}: run `marquee train` first")
    file = home.models / "evaluation.json"
    if not file.exists():
        raise HomeError(f"the models at {home.models} were not evaluated: run `marquee evaluate` first")
    evaluation: dict[str, Any] = json.loads(file.read_text())
    stale = [name for name, measured in evaluation["models"].items() if directory_id(home.models / name) != measured]
    if stale:
        raise HomeError(f"{', '.join(stale)} changed since the evaluation: run `marquee evaluate` again")
    return evaluation


def candidate_ids(home: Home) -> dict[str, str]:
    """What an evaluation measured: model -> hash of its files."""
    return {name: directory_id(home.models / name) for name in MODELS}


def static_videos(home: Home, popularity: Popularity) -> list[dict[str, Any]]:
    """The most popular videos with everything that a page shows or a filter asks of them."""
    catalog = {row["video_id"]: row for row in Lake(home).videos().select(list(VIDEO_COLUMNS)).to_pylist()}
    return [catalog[video_id] for video_id in popularity.top(STATIC_VIDEOS) if video_id in catalog]


def _manifest(home: Home, draft: Path, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    tracking = Tracking(home)
    manifest: dict[str, Any] = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": hashes(draft),
        "world": home.world().to_json(),
        "feature_service": RANK_SERVICE,
        "cuts": asdict(time_cuts(Lake(home))),
        "metrics": evaluation["metrics"],
        "mlflow": {model: tracking.version_of(model, home.models / files) for model, files in TRACKED.items()},
    }
    return {**manifest, "release_id": content_id(manifest)}


def _settle(draft: Path, path: Path) -> Path:
    """Move the draft to its name, unless the same release already stands there whole."""
    try:
        verify(path)
    except ArtifactError:
        shutil.rmtree(path, ignore_errors=True)
        os.replace(draft, path)
    return path


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")
