"""Viewers of the test window with everything that a service knew when it began, and what they watched in it.

The question is that of the time split (training/data/splits.py): whatever answers it sees the features, the catalog and
the release of that one moment, and nothing later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import cut_of
from feature_repo.lake.history import historical_features
from feature_repo.registry import USER_FEATURES, VIDEO_FEATURES
from feature_repo.schema import PAGE_SERVICE
from models.release.artifact import Release
from training.data.frozen import frozen_home
from training.data.splits import Holdout, next_watches, watches
from training.release.past_release import release_as_of

Features = Mapping[str, Mapping[str, Any]]  # id -> the features of a viewer or of a video, by name


@dataclass(frozen=True)
class HeldOut:
    """`asked.targets` are videos of `videos`: what was published later could not be shown."""

    release: Release  # of that moment
    asked: Holdout
    users: Features  # registry.USER_FEATURES of the viewers asked about
    videos: Features  # registry.VIDEO_FEATURES of the catalog, in order of id
    as_of_us: int
    until_us: int
    warnings: Sequence[str]

    @property
    def taken_down(self) -> AbstractSet[str]:
        """The videos that were taken down by then."""
        return {video_id for video_id, one in self.videos.items() if 0 < one["taken_down_us"] <= self.as_of_us}


def held_out(home: Home, release: Release, most_viewers: int, seed: int = 0, progress: Progress = SILENT) -> HeldOut:
    """At most so many viewers of the release's test window, drawn by `seed`. Raises HomeError where there are none."""
    cuts = release.manifest.cuts
    with progress.task("reading what was watched"):
        videos = cut_of(home).videos()
        videos = videos.filter(pc.less_equal(videos["published_timestamp_us"], cuts.t2_us)).sort_by("video_id")
        asked = known_targets(
            next_watches(watches(cut_of(home)), cuts.t2_us, cuts.end_us), set(videos["video_id"].to_pylist())
        )
    if not len(asked):
        raise HomeError(
            f"{home.lake}: expected watches of videos new to their viewers from {np.datetime64(cuts.t2_us, 'us')} until"
            f" {np.datetime64(cuts.end_us, 'us')}, the test window of {release.release_id}, found none; simulate or"
            " ingest more days, and run `marquee release`"
        )
    asked = asked.draw(most_viewers, seed)
    then = frozen_home(home, cuts.t2_us, progress)
    with progress.task("features of that moment"):
        users, catalog = features_then(then, asked.user_ids, videos["video_id"].to_pylist(), cuts.t2_us)
    past, warnings = release_as_of(release, then, videos, cuts.t2_us, progress)
    return HeldOut(past, asked, users, catalog, cuts.t2_us, cuts.end_us, warnings)


def known_targets(asked: Holdout, video_ids: AbstractSet[str]) -> Holdout:
    """The same question about these videos alone, without the viewers who watched none of them."""
    targets = [[video_id for video_id in wanted if video_id in video_ids] for wanted in asked.targets]
    known = replace(asked, targets=targets)
    return known.take([row for row, wanted in enumerate(targets) if wanted])


def features_then(
    then: Home, user_ids: Sequence[str], video_ids: Sequence[str], as_of_us: int
) -> tuple[Features, Features]:
    """Every feature of these viewers and videos, as the online store would have held them."""
    rows = max(len(user_ids), len(video_ids))
    entities = pa.table(
        {
            "user_id": [user_ids[row % len(user_ids)] for row in range(rows)],
            "video_id": [video_ids[row % len(video_ids)] for row in range(rows)],
            "timestamp_us": np.full(rows, as_of_us, dtype=np.int64),
        }
    )
    columns = historical_features(then, entities, PAGE_SERVICE)

    def of(ids: Sequence[str], names: Mapping[str, str]) -> Features:
        return {one: {name: _plain(columns[name][row]) for name in names} for row, one in enumerate(ids)}

    return of(user_ids, USER_FEATURES), of(video_ids, VIDEO_FEATURES)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
