"""Several viewers before one screen as one: a page for all of them, which hides what any of them hid or may not see.

What they did is merged as if one viewer had done it; counts, rates and tastes are those of the usual one among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feature_repo.registry import USER_FEATURES, default_of
from feature_repo.schema import FLOAT, HISTORY_LENGTH, INT, STRING, STRINGS
from feature_repo.store.snapshot import UserFeatures

HISTORY = ("history_video_ids", "history_timestamps_us", "history_watch_fractions")
CREATORS = ("creator_ids", "creator_weights")
SHOWN = ("shown_video_ids", "shown_counts")
OF_THE_FIRST = ("country", "session_started_us", "session_watch_count")  # whose account and session it is

Values = Mapping[str, Any]


def merged(viewers: Sequence[UserFeatures]) -> UserFeatures:
    """One viewer made of these, of whom the first asks.

    Features that a team registered are merged by their type: a text that all share, the union of lists of texts, the
    mean of numbers; other lists have no meaning without their feature's own rule, and become its default.
    """
    first, values = viewers[0], [one.values for one in viewers]
    found = {name: _BY_TYPE.get(dtype, _default)(name, values) for name, dtype in USER_FEATURES.items()}
    found |= {name: first.values[name] for name in OF_THE_FIRST}
    found |= {
        **_history(values),
        **_pairs(CREATORS, values, lambda weights: sum(weights) / len(values)),
        **_pairs(SHOWN, values, max),  # who has seen it most often is tired of it first
        "genre_affinity": _means([one["genre_affinity"] for one in values]),
        "user_activity_timestamp_us": max(one["user_activity_timestamp_us"] for one in values),
        "signup_timestamp_us": max(one["signup_timestamp_us"] for one in values),
        "maturity_limit": min(one["maturity_limit"] for one in values),
    }
    known = any(one.known for one in viewers)
    return UserFeatures(first.user_id, known, found, max(one.as_of_us for one in viewers))


def _history(values: Sequence[Values]) -> Values:
    """The latest watch of each video by any of them, oldest first."""
    latest: dict[str, tuple[int, float]] = {}
    for one in values:
        for video_id, at_us, fraction in zip(*(one[name] for name in HISTORY), strict=True):
            latest[video_id] = max(latest.get(video_id, (0, 0.0)), (at_us, fraction))
    kept = sorted(latest.items(), key=lambda watch: watch[1][0])[-HISTORY_LENGTH:]
    columns = [video_id for video_id, _ in kept], [at for _, (at, _) in kept], [share for _, (_, share) in kept]
    return dict(zip(HISTORY, columns, strict=True))


def _pairs(names: tuple[str, str], values: Sequence[Values], of: Callable[[list[Any]], Any]) -> Values:
    """Two lists that belong together: each key once, with what `of` makes of its numbers."""
    keys, numbers = names
    found: dict[str, list[Any]] = {}
    for one in values:
        for key, number in zip(one[keys], one[numbers], strict=True):
            found.setdefault(key, []).append(number)
    made = sorted(((of(all_of), key) for key, all_of in found.items()), reverse=True)
    return {keys: [key for _, key in made], numbers: [number for number, _ in made]}


def _means(lists: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(lists) for column in zip(*lists, strict=True)]


def _mean(name: str, values: Sequence[Values]) -> float:
    return float(sum(one[name] for one in values)) / len(values)


def _whole_mean(name: str, values: Sequence[Values]) -> int:
    return round(_mean(name, values))


def _union(name: str, values: Sequence[Values]) -> list[str]:
    return list(dict.fromkeys(text for one in values for text in one[name]))


def _shared(name: str, values: Sequence[Values]) -> Any:
    said = {one[name] for one in values}
    return said.pop() if len(said) == 1 else default_of(name)


def _default(name: str, values: Sequence[Values]) -> Any:
    return default_of(name)


_BY_TYPE: Mapping[str, Callable[[str, Sequence[Values]], Any]] = {
    INT: _whole_mean,
    FLOAT: _mean,
    STRING: _shared,
    STRINGS: _union,
}
