"""A video of the catalog: what a caller may state, what is filled in, and which limits hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from feature_repo.catalog.errors import Fault
from feature_repo.limits import LIMITS, Limit, LimitError, checked
from feature_repo.registry import VIDEO_COLUMNS, default_of

Video = dict[str, Any]  # every one of VIDEO_COLUMNS, as the lake has it

REQUIRED = ("video_id", "title", "duration_seconds")
# The column of a feature that a team registered can be stated once it has a limit.
SETTABLE = tuple(name for name in VIDEO_COLUMNS if name in LIMITS["videos"] and name != "taken_down_us")


@dataclass(frozen=True)
class StoredVideo:
    video: Video
    version: int  # from 1
    changed_us: int  # wall clock


@dataclass(frozen=True)
class Written:
    """What became of a video that was to be changed."""

    stored: StoredVideo
    change_id: int  # 0: it was so already, and there is no new version
    created: bool = False


def stated(given: Any, at: int = 0, *, whole: bool) -> tuple[Video, list[Fault]]:
    """The stated fields as the catalog keeps them, and those that are outside their limit.

    `whole`: a video, which must state REQUIRED; else some fields of one that exists.
    """
    if not isinstance(given, Mapping):
        return {}, [Fault("video", "a JSON object", given, at)]
    video_id = str(given.get("video_id") or "")
    values: Video = {}
    faults = []
    for name in (*given, *(name for name in REQUIRED if whole and name not in given)):
        if name not in SETTABLE:
            faults.append(Fault(str(name), _settable(name), given[name], at, video_id))
            continue
        try:
            values[name] = checked(_limit(name), given.get(name), name)
        except LimitError as error:
            faults.append(Fault(name, error.expectation, error.found, at, video_id))
    return values, faults


def repeated(videos: Sequence[Video]) -> Iterable[Fault]:
    """Of a batch: each id that an earlier video of it has."""
    first: dict[str, int] = {}
    for at, video in enumerate(videos):
        video_id = video.get("video_id", "")
        if video_id and first.setdefault(video_id, at) != at:
            expected = f"each id once, but it is also that of video {first[video_id] + 1}"
            yield Fault("video_id", expected, video_id, at, video_id)


def replaced(old: Video | None, values: Video, now_us: int) -> Video:
    """The video as a put leaves it: what is not stated has its default.

    A takedown stays until `restore`, and so does what cannot be stated. A video without a time of publication is
    published when it is first put.
    """
    published_us = old["published_timestamp_us"] if old else now_us
    kept = {name: old[name] for name in VIDEO_COLUMNS if name not in SETTABLE} if old else {}
    return _with_category({**_defaults(), "published_timestamp_us": published_us, **kept, **values})


def patched(old: Video, values: Video) -> Video:
    """The video with these fields changed. A category that was merely the first genre follows the genres."""
    followed = not old["genres"] or old["category"] == old["genres"][0]
    given = {"category": "", **values} if "genres" in values and followed else values
    return _with_category({**old, **given})


def _with_category(video: Video) -> Video:
    first_genre = video["genres"][0] if video["genres"] else ""
    return {name: video[name] for name in VIDEO_COLUMNS} | {"category": video["category"] or first_genre}


def _defaults() -> Video:
    limits = LIMITS["videos"]
    registered = {name: default_of(name) for name in VIDEO_COLUMNS if name not in limits}
    return registered | {name: [] if limit.kind == "texts" else limit.default for name, limit in limits.items()}


def _limit(name: str) -> Limit:
    limit = LIMITS["videos"][name].within(None)
    return replace(limit, required=True) if name in REQUIRED else limit


def _settable(name: str) -> str:
    if name == "taken_down_us":
        return "no such field in a change: a takedown and a restore set it"
    return f"one of the fields {', '.join(SETTABLE)}"
