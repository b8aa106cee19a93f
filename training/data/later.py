"""The split "later": training ends at one instant for everybody, and every watch after it may be a target.

training/data/questions.py describes its questions. B questions, V videos.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from feature_repo.core.errors import HomeError
from feature_repo.lake.tables import Lake
from training.data.questions import Question, QuestionConfig, Questions
from training.data.splits import Holdout, drawn, sequences

FIRST = 5  # a viewer counts as new for so many watches


class _Viewer(NamedTuple):
    """All watches of one viewer, oldest first."""

    user_id: str
    video_ids: list[str]
    times_us: list[int]


Place = tuple[int, int]  # viewer, watch


def later_questions(lake: Lake, watched: pa.Table, config: QuestionConfig) -> Questions:
    """`watched` as splits.watches gives it. Raises HomeError where nothing is left to ask."""
    watched = _core(watched, config.core)
    cut_us = _quantile(watched, config.quantile)
    train_until_us = _quantile(_before(watched, cut_us), config.quantile)
    viewers, every_place = later_watches(watched, cut_us)
    inside, inside_places = later_watches(_before(watched, cut_us), train_until_us)
    places, inside_places = (_not_first(found) for found in (every_place, inside_places))
    if not places or not inside_places:
        raise HomeError(
            f"{lake.root}: expected watches after the {config.quantile} quantile of time by viewers with others before,"
            " found none; take a smaller quantile"
        )
    rng = np.random.default_rng(config.seed)
    before = set(sequences(watched, cut_us).video_ids)
    cold_place = {
        "new_videos": lambda place: _target(viewers, place) not in before,
        "new_viewers": lambda place: viewers[place[0]].times_us[0] >= cut_us,
    }
    questions = tuple(
        _question(name, viewers, _asked_for(name, viewers, every_place, cut_us), cold_place.get(name), config)
        for name in config.ask
    )
    chosen = _draw(inside_places, config.max_validation, rng)
    catalog = set(lake.videos()["video_id"].to_pylist()) if "new_videos" in config.ask else set()
    catalog |= {video_id for viewer in viewers for video_id in viewer.video_ids} | before
    cold = sum(_target(viewers, place) not in before for place in places)
    return Questions(
        train=sequences(watched, train_until_us),
        valid=_holdout(inside, chosen),
        known=sequences(watched, cut_us),
        train_until_us=train_until_us,
        known_until_us=cut_us,
        catalog=sorted(catalog),
        questions=questions,
        data_hash=sequences(watched).digest(lake),
        facts={
            "viewers": len({viewer for viewer, _ in places}),
            "later_watches": len(places),
            "of_new_videos": cold,
            "new_videos": len({_target(viewers, place) for place in places} - before),
            "new_viewers": sum(viewer.times_us[0] >= cut_us for viewer in viewers),
            "videos": len(catalog),
        },
    )


def later_watches(watched: pa.Table, cut_us: int) -> tuple[list[_Viewer], list[Place]]:
    """The viewers who watch something from `cut_us` on, and those of their watches since that are of videos new to
    them."""
    user_ids, user = np.unique(watched["user_id"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    times = watched["timestamp_us"].to_numpy()
    video_ids = watched["video_id"].to_numpy(zero_copy_only=False)
    order = np.argsort(user, kind="stable")  # the table is in order of time
    starts = np.searchsorted(user[order], np.arange(len(user_ids) + 1))
    viewers: list[_Viewer] = []
    places: list[Place] = []
    for user_id, start, end in zip(user_ids, starts[:-1], starts[1:], strict=True):
        rows = order[start:end]
        if times[rows[-1]] < cut_us:
            continue
        viewer = _Viewer(str(user_id), video_ids[rows].tolist(), times[rows].tolist())
        seen: set[str] = set()
        for at, (video_id, time_us) in enumerate(zip(viewer.video_ids, viewer.times_us, strict=True)):
            if time_us >= cut_us and video_id not in seen:
                places.append((len(viewers), at))
            seen.add(video_id)
        viewers.append(viewer)
    return viewers, places


def _not_first(places: Sequence[Place]) -> list[Place]:
    return [(viewer, at) for viewer, at in places if at]


def _target(viewers: Sequence[_Viewer], place: Place) -> str:
    return viewers[place[0]].video_ids[place[1]]


def _asked_for(name: str, viewers: Sequence[_Viewer], places: Sequence[Place], cut_us: int) -> list[Place]:
    if name == "new_viewers":
        return [(viewer, at) for viewer, at in places if at < FIRST or viewers[viewer].times_us[0] < cut_us]
    if name == "last":
        return list(dict(_not_first(places)).items())  # the later of a viewer's places wins
    return _not_first(places)


def _question(
    name: str,
    viewers: Sequence[_Viewer],
    places: Sequence[Place],
    is_cold: Callable[[Place], bool] | None,
    config: QuestionConfig,
) -> Question:
    """Where some places are cold, as many of them are drawn as of the others."""
    rng = np.random.default_rng(config.seed)
    suffix = f"_{name}" if len(config.ask) > 1 else ""
    if is_cold is None:
        some = _draw(places, config.max_questions, rng)
        return Question(suffix, _holdout(viewers, some), np.full(len(some), len(places) / len(some)))
    cold = [place for place in places if is_cold(place)]
    warm = [place for place in places if not is_cold(place)]
    if not cold or not warm:
        what = name.removeprefix("new_")
        raise HomeError(f"{name}: expected watches of new and of known {what}, found {len(cold)} and {len(warm)}")
    parts = [_draw(part, config.max_questions, rng) for part in (warm, cold)]
    weights = [np.full(len(part), len(whole) / len(part)) for part, whole in zip(parts, (warm, cold), strict=True)]
    cold_B = np.repeat([False, True], [len(part) for part in parts])
    return Question(suffix, _holdout(viewers, [*parts[0], *parts[1]]), np.concatenate(weights), cold_B)


def _holdout(viewers: Sequence[_Viewer], places: Sequence[Place]) -> Holdout:
    histories, times = [], []
    for number, at in places:
        viewer = viewers[number]
        # A rewatched video has the place of its newest watch, as in serving.
        newest = dict(zip(viewer.video_ids[:at], range(at), strict=True))
        kept = sorted(newest.values()) if len(newest) < at else range(at)
        histories.append([viewer.video_ids[row] for row in kept])
        times.append([viewer.times_us[row] for row in kept])
    return Holdout(
        user_ids=[viewers[number].user_id for number, _ in places],
        histories=histories,
        times_us=times,
        now_us=np.array([viewers[number].times_us[at] for number, at in places], dtype=np.int64),
        targets=[[viewers[number].video_ids[at]] for number, at in places],
    )


def _draw(places: Sequence[Place], most: int, rng: np.random.Generator) -> list[Place]:
    return [places[row] for row in drawn(len(places), most, rng)]


def _quantile(watched: pa.Table, quantile: float) -> int:
    """The first instant after the quantile: what happened at the quantile itself lies before the cut."""
    if not len(watched):
        raise HomeError("expected watches to split by time, found none: a smaller `core` leaves more of them")
    return int(np.quantile(watched["timestamp_us"].to_numpy(), quantile)) + 1


def _before(watched: pa.Table, until_us: int) -> pa.Table:
    return watched.filter(pa.array(watched["timestamp_us"].to_numpy() < until_us))


def _core(watched: pa.Table, core: int) -> pa.Table:
    """Without viewers and videos of fewer than `core` watches, until none is left."""
    while core > 1 and len(watched):
        kept = np.ones(len(watched), dtype=bool)
        for column in ("user_id", "video_id"):
            _, code = np.unique(watched[column].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
            kept &= np.bincount(code)[code] >= core
        if kept.all():
            break
        watched = watched.filter(pa.array(kept))
    return watched
