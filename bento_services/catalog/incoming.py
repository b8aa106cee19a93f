"""Videos as callers state them: outside names and times made the catalog's, and every fault said at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bento_services.admission.limits import MAX_VIDEOS
from bento_services.admission.problem import Problem, malformed
from bento_services.catalog.video import INSIDE, MOMENTS, OUTSIDE, UNKNOWN, moment_us
from feature_repo.catalog.errors import SHOWN_FAULTS, Fault
from feature_repo.catalog.video import SETTABLE, repeated, stated
from feature_repo.limits import LIMITS, MAX_ID_LENGTH, SHOWN_LENGTH, LimitError, shown

# A column of a feature that a team registered has a name here once VideoFields gives it one.
NAMES = tuple(OUTSIDE[column] for column in SETTABLE if column in OUTSIDE)
MOST_FAULTS = 20  # of one video
RFC3339 = "a time in RFC 3339, such as 2026-11-21T18:00:00Z"
SET_BY_CATALOG = {
    "taken_down_at": "no such field in a change: a takedown and a restore set it",
    "version": "no such field in a change: If-Match says which version is meant",
    "changed_at": "no such field in a change: the catalog sets it",
}


def video_stated(sent: Any, video_id: str, *, whole: bool) -> dict[str, Any]:
    """One video's fields by the catalog's names, its id among them.

    `whole`: all that it has from now on; else what changes. Raises Problem: 400 for no object, 422 for faults.
    """
    if not isinstance(sent, Mapping):
        raise malformed("expected a JSON object with the fields of a video")
    values, faults = _stated({"video_id": video_id, **sent}, 0, whole=whole)
    if (named := values.get("video_id", video_id)) != video_id:
        faults.append(Fault("video_id", f"{video_id}, the id in the address", named, video_id=video_id))
    if faults:
        raise refused(faults, 1)
    return values


def videos_stated(sent: Any) -> list[dict[str, Any]]:
    """A batch, {"videos": [...]}, of whole videos. Raises Problem: 400, 413 for too many, 422 for faults in any."""
    videos = sent.get("videos") if isinstance(sent, Mapping) and set(sent) == {"videos"} else None
    if not isinstance(videos, list):
        raise malformed("expected an object with a list named videos")
    if len(videos) > MAX_VIDEOS:
        raise Problem(413, "too_large", f"at most {MAX_VIDEOS} videos in one request", {"limit_videos": MAX_VIDEOS})
    if not videos:
        raise Problem(422, "unprocessable", "expected at least one video", {"field": "videos"})
    checks = [_stated(video, at, whole=True) for at, video in enumerate(videos)]
    given = [values for values, _ in checks]
    if faults := [*(fault for _, found in checks for fault in found), *repeated(given)]:
        raise refused(sorted(faults, key=lambda fault: fault.at), len(videos))
    return given


def refused(faults: Sequence[Fault], count: int) -> Problem:
    """422 with each fault; the message says the first ones. `count`: how many videos there were."""
    details = [
        {
            "index": fault.at,
            "video_id": fault.video_id,
            "field": fault.field,
            "expectation": fault.expectation,
            "found": shown(fault.found),
        }
        for fault in faults
    ]
    said = "; ".join(str(fault) if count == 1 else f"videos[{fault.at}]: {fault}" for fault in faults[:SHOWN_FAULTS])
    more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    return Problem(422, "unprocessable", f"{said}{more}; nothing was changed", {"faults": details})


def outside(faults: Iterable[Fault]) -> list[Fault]:
    """With the names that callers use."""
    return [replace(fault, field=OUTSIDE.get(fault.field, fault.field)) for fault in faults]


def moment_stated(text: str, name: str) -> int:
    """A moment in a parameter, in µs since 1970. Raises Problem 422."""
    if (found := moment_us(text)) is None:
        raise Problem(422, "unprocessable", f"{name}: expected {RFC3339}, found {shown(text)}", {"field": name})
    return found


def _stated(sent: Any, at: int, *, whole: bool) -> tuple[dict[str, Any], list[Fault]]:
    if not isinstance(sent, Mapping):
        return {}, [Fault("video", "a JSON object", sent, at)]
    video_id = str(sent.get("video_id") or "")[:MAX_ID_LENGTH]
    given: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in sent.items():
        try:
            column = _column(name, value)
            given[column] = _value(name, column, value)
        except LimitError as error:
            faults.append(Fault(error.field, error.expectation, value, at, video_id))
    said = {fault.field for fault in faults}
    values, more = stated(given, at, whole=whole)
    faults += [fault for fault in outside(more) if fault.field not in said]
    return values, faults[:MOST_FAULTS]


def _column(name: str, value: Any) -> str:
    """Raises LimitError for a field that a caller may not state."""
    if name not in NAMES:
        expected = SET_BY_CATALOG.get(name, f"one of the fields {', '.join(NAMES)}")
        raise LimitError(name[:SHOWN_LENGTH], expected, value)
    return INSIDE[name]


def _value(name: str, column: str, value: Any) -> Any:
    """The value as the catalog takes it. Raises LimitError for what has another type, or is no time."""
    limit = LIMITS["videos"][column]
    if value == "" and limit.kind in ("whole", "number", "texts"):  # elsewhere an empty cell of a file means nothing
        raise LimitError(name, limit.expectation, value)
    if name in UNKNOWN and value == UNKNOWN[name]:  # the table's, where callers say null
        raise LimitError(name, limit.expectation, value)
    if name not in MOMENTS or value is None:
        return value
    if not isinstance(value, str) or (moment := moment_us(value)) is None:
        raise LimitError(name, RFC3339, value)
    limit = replace(limit.within(None), unit=RFC3339)
    least, most = limit.bounds
    if not least <= moment <= most:
        raise LimitError(name, limit.expectation, value)
    return moment
