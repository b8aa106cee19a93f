"""A first release, without trained models: pages of what is popular, new, trending and alike, in seconds.

For a catalog that nobody has watched yet, and for a large history before its first training. Its pages become personal
with a viewer's first watches, by neighbours of those; the next `marquee release` replaces it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.core.errors import Refused
from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import cut_of
from feature_repo.schema import RANK_SERVICE
from models.candidates.item_cf import ItemNeighbours
from models.candidates.popularity import AreaPopularity, Popularity
from models.page.policy import load_policy
from models.page.policy_file import policy_of
from models.release.config import PromotionConfig
from models.release.history import PROMOTED
from models.release.manifest import MANIFEST, Cuts, Manifest
from models.release.store import CHAMPION, pointers, sound_pointer
from training.data.splits import sequences, watches
from training.data.video_vectors import content_columns
from training.fit.source_models import content_neighbours, countries_of
from training.release.champion import move, require_or_refuse
from training.release.compose import settle, static_videos

NOTHING_WATCHED = "nobody has watched anything yet: pages show what is new, popular and alike"
NOT_TRAINED = "nothing was trained: pages show what is popular, trending, new and like what a viewer watched"
LEAST_EVENTS = 2  # as training.data.splits.time_cuts


def nothing_to_learn(home: Home) -> bool:
    """Whether there are too few events to train on at all."""
    return cut_of(home).different_events(LEAST_EVENTS) < LEAST_EVENTS


def first_release(
    home: Home, config: PromotionConfig, command: str, progress: Progress = SILENT, asked: bool = True
) -> dict[str, Any]:
    """Compose a first release and make it the champion, in the form of the result of `promote`.

    `asked`: by --untrained. Raises Refused where a trained release is the champion, unless `config.force`, and
    Unanswerable if no page can be made of it.
    """
    serving = sound_pointer(home, CHAMPION)
    if serving is not None and not config.force and Manifest.read(serving).is_trained:
        raise Refused(f"{serving.name} is trained and the champion: --force puts a release without models in its place")
    with progress.task("composing a first release, without trained models"):
        path = build_first(home)
    with progress.task("building pages on every rung"):
        require_or_refuse(home, path, config, command)
    why = NOT_TRAINED if asked else NOTHING_WATCHED
    move(home, path.name, PROMOTED, command, config, why=(why,))
    empty: dict[str, Any] = {"failed": [], "accepted": [], "gates": [], "against": None, "removed": [], "report": ""}
    return {"release_id": path.name, "promoted": True, "forced": False, "untrained": why, **empty, **pointers(home)}


def build_first(home: Home) -> Path:
    """HOME/releases/<id> with neighbours, popularity, policy and static list; equal content is the same release."""
    lake, declared = cut_of(home), policy_of(home)
    load_policy(declared)
    videos, watched = lake.videos(), watches(lake)
    end_us = int(watched["timestamp_us"].to_numpy().max(initial=-1)) + 1
    video_ids, times = watched["video_id"].to_pylist(), watched["timestamp_us"].to_pylist()
    popularity = Popularity.fit(zip(video_ids, times, strict=True), end_us)
    home.releases.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=home.releases, prefix=".draft."))
    try:
        _alike(home, watched, videos, draft)
        popularity.save(draft / "popularity")
        country_of = countries_of(lake)
        countries = [country_of.get(user_id, "") for user_id in watched["user_id"].to_pylist()]
        AreaPopularity.fit(zip(countries, video_ids, times, strict=True), end_us).save(draft / "popularity")
        shutil.copyfile(declared, draft / "policy.toml")
        (draft / "static.json").write_text(
            json.dumps(static_videos(home, popularity, newest_too=True), indent=1) + "\n"
        )
        manifest = Manifest(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            files=hashes(draft),
            world=replace(home.world(), example_user=""),  # no release names a viewer
            feature_service=RANK_SERVICE,
            cuts=Cuts(end_us, end_us, end_us),
            is_trained=False,
        ).identified()
        write_atomic(draft / MANIFEST, manifest.to_bytes())
        return settle(draft, home.releases / manifest.release_id)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _alike(home: Home, watched: pa.Table, videos: pa.Table, draft: Path) -> None:
    """Write the neighbours of videos by who watched both, and by content."""
    none = ItemNeighbours([], np.zeros((0, 1), dtype=np.int32), np.zeros((0, 1), dtype=np.float32))
    (ItemNeighbours.fit(sequences(watched).histories()) if len(watched) else none).save(draft / "item_cf")
    columns = content_columns(videos, home.world())
    neighbours = content_neighbours(videos["video_id"].to_pylist(), columns, watched["video_id"].to_pylist())
    neighbours.save(draft / "content_neighbours")
