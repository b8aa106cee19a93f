"""Promotes a release that can serve and passes its gates, and removes old ones; champion.py has rollbacks."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.core.terminal import note
from models.release.artifact import Release, judged, load_release, verify
from models.release.config import PromotionConfig
from models.release.history import FORCED, PROMOTED, REFUSED, last_served
from models.release.manifest import MANIFEST, ArtifactError
from models.release.store import CHAMPION, PREVIOUS, pointers, sound_pointer
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index_facts import IndexFacts
from training.record.training_facts import TwoTowerTraining
from training.release.champion import move, refused, require_or_refuse
from training.release.comparison import Comparison, Judge, compare
from training.release.compose import build_release
from training.release.gates import GATES, Measured, gates
from training.release.listing import figures_of
from training.release.record import in_mlflow
from training.release.skew import feature_skew


def promote(
    home: Home,
    config: PromotionConfig = PromotionConfig(),
    progress: Progress = SILENT,
    accept: Collection[str] = (),
    command: str = "marquee promote",
) -> dict[str, Any]:
    """Build the release from HOME/models, and make it the champion if it can serve and passes its gates.

    Models that equal the champion's up to rounding make no new release, unless `config.force`: the champion is gated
    again and stays. Raises Unanswerable if the release cannot serve, which neither `config.force` nor `accept`
    overrides. `accept`: gates, or kinds of gates, that may go unmeasured. See `judge_and_move` for the result.
    """
    serving = sound_pointer(home, CHAMPION)
    with progress.task("composing the release"):
        path = build_release(home, champion=None if config.force else serving)
    if path == serving:
        note(f"marquee: note: models and policy are those of the champion {path.name}, up to rounding: gated again")
    return judge_and_move(home, path, config, progress, accept, command)


def judge_and_move(
    home: Home, path: Path, config: PromotionConfig, progress: Progress, accept: Collection[str], command: str
) -> dict[str, Any]:
    """Check a release, measure its gates and, if they pass, make it the champion.

    `against` in the result is the champion that it was compared with. Old releases beyond `config.keep` are removed.
    """
    with progress.task("building pages on every rung"):
        require_or_refuse(home, path, config, command)
    release = load_release(path)
    champion, damaged = _sound_champion(home, release.release_id)
    measured = measure(home, release, champion, progress, damaged)
    found = gates(release, measured, read(GATES, home.root))
    stopping = [gate for gate in found if gate.stops(accept)]
    promoted = config.force or not stopping
    figures = figures_of(release.manifest)
    accepted = tuple(gate.gate for gate in found if not gate.measured and gate.required and not gate.stops(accept))
    outcome = REFUSED if not promoted else FORCED if stopping else PROMOTED
    details: dict[str, Any] = {"why": tuple(map(str, stopping)), "accepted": accepted, "figures": figures}
    if promoted:
        move(home, release.release_id, outcome, command, config, **details)
    else:
        refused(home, release.release_id, command, **details)
    with progress.task("recording the release in MLflow"):
        recorded = in_mlflow(home, path)
    return {
        "release_id": release.release_id,
        "promoted": promoted,
        "forced": outcome == FORCED,
        "failed": [gate.gate for gate in stopping],
        "accepted": list(accepted),
        "gates": [asdict(gate) for gate in found],
        "against": champion.name if champion is not None else None,
        "measured": asdict(measured),
        **recorded,
        "removed": prune(home, config.keep, spare=release.release_id),
        **pointers(home),
    }


def measure(
    home: Home, release: Release, champion: Path | None, progress: Progress = SILENT, damaged: Comparison | None = None
) -> Measured:
    """Measure what the gates need beyond the evaluation: new videos, a comparison with the champion, skew."""
    tower = judged(release.path, "two_tower")
    with progress.task("reading the questions of the gates"):
        judge = Judge(home, TwoTowerTraining.read(tower).split)
        retrieval = release.retrieval if tower.name == "two_tower" else RetrievalModel.load(tower)
        lists = judge.lists(retrieval)
        new = judge.new_videos(retrieval, lists)
    comparison = damaged
    if champion is not None:
        comparison = compare(judge, release, retrieval, lists, champion, progress)
    with progress.task("comparing online and offline features"):
        skew = feature_skew(home)
    return Measured(comparison, new, skew, IndexFacts.read(release.path / "index"))


def prune(home: Home, keep: int, spare: str = "") -> list[str]:
    """Remove old releases with their reports. Returns their ids.

    Keeps champion, previous and `spare`, the last `keep` that served, and the `keep` newest of the others: refused
    releases never displace ones that served.
    """
    paths = sorted(
        (path for path in home.releases.glob("r-*") if (path / MANIFEST).is_file()),
        key=lambda path: (path / MANIFEST).stat().st_mtime_ns,
        reverse=True,
    )
    pointed = (sound_pointer(home, pointer) for pointer in (CHAMPION, PREVIOUS))
    kept = {spare, *(path.name for path in pointed if path is not None), *last_served(home, keep)}
    old = [path for path in paths if path.name not in kept][keep:]
    for path in old:
        shutil.rmtree(path)
        shutil.rmtree(home.reports / "release" / path.name, ignore_errors=True)
    return [path.name for path in old]


def _sound_champion(home: Home, release_id: str) -> tuple[Path | None, Comparison | None]:
    """The champion to compare with (None if there is no other), and why it cannot be compared with."""
    path = sound_pointer(home, CHAMPION)
    if path is None or path.name == release_id:
        return None, None
    try:
        manifest = verify(path)
    except ArtifactError as error:
        return None, Comparison(path.name, why_not=f"the champion is damaged: {error}")
    return (path if manifest.is_trained else None), None  # a first release has no model to compare with
