"""The champion's index over the catalog as it is now: how far it is behind, and a release that has a new one."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.core.metrics import of_others
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import lake_now
from feature_repo.lake.projection import home_catalog
from models.release.artifact import load_release, verify
from models.release.config import PromotionConfig
from models.release.manifest import MANIFEST
from models.release.store import champion
from models.retrieval.index import VideoIndex, shard_files
from models.retrieval.index_facts import IndexFacts
from training.release.compose import put_index, settle
from training.release.promote import judge_and_move

COMMAND = "marquee index rebuild"
LIVE_RECALL = "marquee_retrieval_recall"  # the metric of serving processes


def index_status(home: Home) -> dict[str, Any]:
    """Of the champion's index. Raises HomeError without a champion, ArtifactError for a damaged one."""
    path = champion(home)
    verify(path)
    index, facts = VideoIndex.load(path / "index"), IndexFacts.read(path / "index")
    known = asdict(facts) if facts else {"neighbours": 0, "queries": 0, "recall": None, "filtered_recall": None}
    current = _current_ids(home)
    return {
        **known,
        "release_id": path.name,
        "kind": index.kind,
        "videos": len(index),
        "lists": index.lists,
        "probes": index.probes,
        "shards": len(index.shards),
        "bytes": sum(file.stat().st_size for file in shard_files(path / "index")),
        "new_videos": len(current - set(index.ids)),
        "gone_videos": len(set(index.ids) - current),
        **live_recall(home),
    }


def rebuild_index(home: Home, config: PromotionConfig, progress: Progress = SILENT) -> dict[str, Any]:
    """Compose the champion's models with an index of the catalog as it is now, and promote that if it passes its gates.

    `unchanged`: the index would be the same, and nothing was done. Else the result is that of `judge_and_move`.
    """
    old = load_release(champion(home))
    draft = Path(tempfile.mkdtemp(dir=home.releases, prefix=".draft."))
    try:
        with progress.task("building the index"), tempfile.TemporaryDirectory(dir=home.releases, prefix=".cut.") as cut:
            for name in old.manifest.files:
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(old.path / name, draft / name)
            put_index(home, old.retrieval, draft, lake_now(home, Path(cut)).videos())
        files = hashes(draft)
        if files == old.manifest.files:
            return {"release_id": old.release_id, "unchanged": True}
        made = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = replace(old.manifest, created=made, files=files).identified()
        write_atomic(draft / MANIFEST, manifest.to_bytes())
        path = settle(draft, home.releases / manifest.release_id)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return {**judge_and_move(home, path, config, progress, (), COMMAND), "unchanged": False}


def live_recall(home: Home) -> dict[str, Any]:
    """What the processes that answer from this home have measured since they were started."""
    samples = [
        (sample, value)
        for families in of_others(home, "").values()
        for name, _, _, of_family in families
        if name == LIVE_RECALL
        for sample, _, value in of_family
    ]
    searches = sum(value for sample, value in samples if sample == f"{LIVE_RECALL}_count")
    found = sum(value for sample, value in samples if sample == f"{LIVE_RECALL}_sum")
    return {"live_searches": int(searches), "live_recall": found / searches if searches else None}


def _current_ids(home: Home) -> set[str]:
    catalog = home_catalog(home)
    try:
        return catalog.shown_ids()
    finally:
        catalog.close()
