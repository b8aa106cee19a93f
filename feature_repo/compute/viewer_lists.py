"""The lists of a viewer's state: how each grows, what is evicted from it, and how affinities move. In place.

Lists are ordered oldest first. Parallel lists, such as creators and their weights, are changed here together only.
"""

from __future__ import annotations

from feature_repo.schema import CREATOR_LENGTH, GENRE_SLOTS, SHOWN_LENGTH

History = tuple[list[str], list[int], list[float]]  # ids, times, watched shares


def remember(history: History, video_id: str, timestamp_us: int, fraction: float, limit: int) -> None:
    """Insert a watch into the history by its time.

    Each video is there once, at its latest watch, with the fractions of all its watches added up: a viewer who stops
    halfway and comes back has watched all of it.
    """
    ids, times, fractions = history
    if video_id in ids:
        at = ids.index(video_id)
        timestamp_us, fraction = max(times[at], timestamp_us), min(fractions[at] + fraction, 1.0)
        del ids[at], times[at], fractions[at]
    at = len(times)
    while at and times[at - 1] > timestamp_us:
        at -= 1
    ids.insert(at, video_id)
    times.insert(at, timestamp_us)
    fractions.insert(at, fraction)
    if len(ids) > limit:
        del ids[:-limit], times[:-limit], fractions[:-limit]


def forget(history: History, video_id: str) -> None:
    if video_id in history[0]:
        at = history[0].index(video_id)
        for values in history:
            del values[at]


def prefer_genres(affinity: list[float], slots: tuple[int, ...], weight: float) -> None:
    for slot in slots:
        if slot < GENRE_SLOTS:
            affinity[slot] += weight / len(slots)


def prefer_creator(ids: list[str], weights: list[float], creator_id: str, weight: float) -> None:
    """A new creator displaces the one of the weakest affinity."""
    if not creator_id:
        return
    if creator_id in ids:
        weights[ids.index(creator_id)] += weight
        return
    ids.append(creator_id)
    weights.append(weight)
    if len(ids) > CREATOR_LENGTH:
        weakest = min(range(len(ids) - 1), key=lambda i: abs(weights[i]))
        del ids[weakest], weights[weakest]


def append_once(ids: list[str], one: str, limit: int, known: bool = True) -> None:
    """An unknown one goes to the end that is evicted first, and is dropped if the list is full."""
    if one in ids:
        return
    if known:
        ids.append(one)
        del ids[:-limit]
    elif len(ids) < limit:
        ids.insert(0, one)


def discard(ids: list[str], one: str) -> bool:
    """Whether it was there."""
    if one not in ids:
        return False
    ids.remove(one)
    return True


def count_shown(ids: list[str], counts: list[int], video_id: str) -> None:
    """Once more shown, and the latest of the list."""
    count = 1 + taken_up(ids, counts, video_id)
    ids.append(video_id)
    counts.append(count)
    del ids[:-SHOWN_LENGTH], counts[:-SHOWN_LENGTH]


def taken_up(ids: list[str], counts: list[int], video_id: str) -> int:
    """Take a video off that list; how many times it had been shown."""
    if video_id not in ids:
        return 0
    at = ids.index(video_id)
    del ids[at]
    return counts.pop(at)
