"""Promote a release that passes every gate, keep the previous one for a rollback, and remove old ones."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_repo.core.errors import HomeError
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import Section, read
from models.release.artifact import Release, judged, load_release, verify
from models.release.manifest import MANIFEST, ArtifactError
from models.release.store import CHAMPION, PREVIOUS, pointed_at
from models.retrieval.artifact import RetrievalModel
from training.record.tracking import CHALLENGER, Tracking
from training.record.training_facts import TwoTowerTraining
from training.release.comparison import Judge, compare
from training.release.compose import build_release
from training.release.gates import GATES, Measured, flat, gates
from training.release.skew import feature_skew


@dataclass(frozen=True)
class PromotionConfig:
    force: bool = False  # promote although a gate fails
    keep: int = 5  # releases: the newest, beside champion and previous


PROMOTION = Section("promotion", PromotionConfig, "marquee promote")


def promote(home: Home, config: PromotionConfig = PromotionConfig(), progress: Progress = SILENT) -> dict[str, Any]:
    """Build the release, check its gates, register it, and make it the champion when all pass.

    An artifact that cannot be verified is never promoted, not even by force. `against` in the result is the champion
    that it was compared with. Old releases beyond `config.keep` are removed.
    """
    with progress.task("composing the release"):
        release = load_release(build_release(home))
    champion = _sound_champion(home, release.release_id)
    measured = measure(home, release, champion, progress)
    found = gates(release, measured, read(GATES, home.root))
    failed = [gate.gate for gate in found if not gate.passed]
    with progress.task("registering the release in MLflow"):
        tracking = Tracking(home)
        version = tracking.register_release(
            release.release_id, release.path, flat(release.manifest.metrics), release.manifest.mlflow
        )
        promoted = config.force or not failed
        if promoted:
            _point(home, release.release_id)
            tracking.point({**_pointers(home), CHALLENGER: None})
    return {
        "release_id": release.release_id,
        "promoted": promoted,
        "forced": config.force and bool(failed),
        "failed": failed,
        "gates": [asdict(gate) for gate in found],
        "against": champion.name if champion is not None else None,
        "measured": asdict(measured),
        "mlflow_version": version,
        "removed": prune(home, config.keep, spare=release.release_id),
        **_pointers(home),
    }


def measure(home: Home, release: Release, champion: Path | None, progress: Progress = SILENT) -> Measured:
    """What the gates need beyond the evaluation: new videos, a comparison with the champion, skew."""
    tower = judged(release.path, "two_tower")
    with progress.task("the question of the gates"):
        judge = Judge(home, TwoTowerTraining.read(tower).split)
        retrieval = release.retrieval if tower.name == "two_tower" else RetrievalModel.load(tower)
        lists = judge.lists(retrieval)
        new = judge.new_videos(retrieval, lists)
    comparison = None
    if champion is not None:
        comparison = compare(judge, release, retrieval, lists, champion, progress)
    with progress.task("features online and offline"):
        skew = feature_skew(home)
    return Measured(comparison, new, skew)


def prune(home: Home, keep: int, spare: str = "") -> list[str]:
    """Remove old releases with reports, except champion, previous, `spare` and the `keep` newest. Returns the ids."""
    kept = {spare, *(path.name for path in (_pointed(home, CHAMPION), _pointed(home, PREVIOUS)) if path is not None)}
    paths = sorted(home.releases.glob("r-*"), key=lambda path: (path / MANIFEST).stat().st_mtime_ns, reverse=True)
    old = [path for path in paths[keep:] if path.name not in kept]
    for path in old:
        shutil.rmtree(path)
        shutil.rmtree(home.reports / "release" / path.name, ignore_errors=True)
    return [path.name for path in old]


def rollback(home: Home) -> dict[str, Any]:
    """Verify the previous release and make it the champion; the current champion becomes the previous one."""
    path = pointed_at(home, PREVIOUS)
    if path is None:
        raise HomeError(f"no previous release at {home.root}: nothing to go back to")
    verify(path)
    tracking = Tracking(home)  # before anything moves: it raises where its database is broken
    _point(home, path.name)
    tracking.point(_pointers(home))
    return {"release_id": path.name, "promoted": True, **_pointers(home)}


def _sound_champion(home: Home, release_id: str) -> Path | None:
    """The champion to compare with; None when there is no other one, or when it is damaged."""
    path = _pointed(home, CHAMPION)
    if path is None or path.name == release_id:
        return None
    try:
        verify(path)
    except ArtifactError:
        return None
    return path


def _pointed(home: Home, pointer: str) -> Path | None:
    try:
        return pointed_at(home, pointer)
    except ArtifactError:  # the pointer names a release that does not exist
        return None


def _point(home: Home, release_id: str) -> None:
    """Writes `previous` first, so that a crash between the two writes leaves the old champion serving."""
    current = _pointed(home, CHAMPION)
    if current is not None and current.name == release_id:
        return
    if current is not None:
        write_atomic(home.releases / PREVIOUS, current.name + "\n")
    write_atomic(home.releases / CHAMPION, release_id + "\n")


def _pointers(home: Home) -> dict[str, str | None]:
    paths = {pointer: pointed_at(home, pointer) for pointer in (CHAMPION, PREVIOUS)}
    return {pointer: path.name if path is not None else None for pointer, path in paths.items()}
