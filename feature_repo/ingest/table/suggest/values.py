"""What the values of a column seem to be: times, lengths, ratings, lists, names of events."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from feature_repo.ingest.table.batches import LIST_END
from feature_repo.ingest.table.suggest.words import event_of, unit_of
from feature_repo.ingest.table.units import TEXT, lengths, moments, numbers

EPOCHS = {"s": (3e8, 5e9), "ms": (3e11, 5e12), "us": (3e14, 5e15), "ns": (3e17, 5e18)}
_DAY_FIRST, _MONTH_FIRST = (
    ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y"),
    ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y"),
)
_DATES = (
    *_DAY_FIRST,
    *_MONTH_FIRST,
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%Y"),
)
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", " %H:%M:%S.%f", "T%H:%M:%S", ", %H:%M", ", %H:%M:%S")
FORMATS = (
    *(f"{day}{clock}" for day in _DATES for clock in _CLOCKS),
    *(
        "%Y%m%d%H%M%S",
        "%a %b %d %H:%M:%S %Y",
        "%a, %d %b %Y %H:%M:%S %z",
        "%d/%b/%Y:%H:%M:%S %z",
        "%Y/%m/%d %H:%M:%S %z",
    ),
)
NO_ZONE = "times state no zone: read as UTC (set timezone)"
ENOUGH = 0.98  # of the values: the others may be broken


class Guess(NamedTuple):
    """How a column is read: keys of a mapping's value; and what is unsure about it."""

    stated: dict[str, Any]
    unsure: str = ""


def time_of(texts: Sequence[str], first: str = "") -> Guess | None:
    """As a time; None for a column that is none. `first`: the order of day and month that another column tells."""
    sample = list(dict.fromkeys(texts))[:2000]
    if not sample:
        return None
    found, bad = numbers(pa.array(sample, pa.string()))
    if bad.mean() < 1 - ENOUGH and np.isfinite(found).any():
        middle = float(np.nanmedian(found))
        for unit, (least, most) in EPOCHS.items():
            if least <= middle <= most:
                return Guess({"unit": unit})
    zone = ZoneInfo("UTC")
    _, bad = moments(pa.array(sample, pa.string()), "", (), zone)
    is_day = all(re.fullmatch(r"\d{8}|\d{4}", one) for one in sample)
    if bad.mean() <= 1 - ENOUGH and not is_day:
        return Guess({}, "" if _zoned(sample) or _are_days(sample) else NO_ZONE)
    fitting = [form for form in FORMATS if _share(sample[:200], form) >= ENOUGH]
    fitting = [form for form in fitting if _share(sample, form) >= ENOUGH]
    if not fitting:
        return None
    chosen = fitting[0]
    doubts = [] if "%z" in chosen or not any(sign in chosen for sign in ("%H", "%I")) else [NO_ZONE]
    is_day_or_month = chosen[:2] in ("%d", "%m")
    swapped = [form for form in fitting if is_day_or_month and form[:2] != chosen[:2] and form[3:5] != chosen[3:5]]
    if swapped:
        doubts.insert(0, f"{sample[0]!r} may be day or month first: read as {chosen}, and {swapped[0]} fits as well")
    if chosen == "%Y":
        doubts.append("only years: read as 1 January")
    return Guess({"format": chosen}, "; ".join(doubts))


def length_of(name: str, texts: Sequence[str], is_watch: bool = False) -> Guess | None:
    """As seconds of a video or of a watch; None for a column that is no length."""
    sample = list(texts[:5000])
    if not sample:
        return Guess({})
    array = pa.array(sample, pa.string())
    found, bad = numbers(array, "," if any("," in text for text in sample[:50]) else ".")
    if bad.mean() > 0.5:
        _, unread = lengths(array, TEXT)
        if unread.mean() > 0.5:
            return None
        others = [text for text, is_bad in zip(sample, unread.tolist(), strict=True) if is_bad]
        if not others:
            return Guess({"unit": TEXT})
        patterns = [pattern for pattern, _ in Counter(re.sub(r"\d+", "*", text) for text in others).most_common(5)]
        return Guess({"unit": TEXT, "missing": patterns}, f"no length, and taken for missing: {', '.join(patterns)}")
    if (unit := unit_of(name)) and (is_watch or unit not in ("share", "percent")):
        return Guess({"unit": unit})
    values = found[np.isfinite(found)]
    most, middle = float(values.max()), float(np.median(values))
    if is_watch and most <= 5 and np.any(values != np.floor(values)):
        return Guess({"unit": "share"}, f"up to {most:g}: taken for shares of the video")
    unit = "ms" if middle > 60_000 else "seconds" if middle > (3 if is_watch else 300) else "minutes"
    return Guess({"unit": unit}, f"half of its values are below {middle:g}: taken for {unit}")


def rating_of(texts: Sequence[str]) -> Guess | None:
    """As ratings: the scale, and from where on they are likes and dislikes."""
    kinds = Counter(texts)
    words = {text: event_of(text) for text in kinds}
    if kinds and len(kinds) <= 6 and {"like", "dislike"} & set(words.values()) and not any(map(_is_number, kinds)):
        thumbs = {text: 1 if event == "like" else -1 if event == "dislike" else 0 for text, event in words.items()}
        return Guess({"values": thumbs, "like_from": 1, "dislike_to": -1}, "thumbs: up is a like, down a dislike")
    found, bad = numbers(pa.array(list(texts), pa.string()))
    values: Any = found[np.isfinite(found)]
    if not len(values) or bad.mean() > 0.05 or len(np.unique(values)) > 101:
        return None
    least, most = float(np.min(values)), float(np.max(values))
    if most <= 1:
        return Guess({"like_from": 1, "dislike_to": least}, f"{least:g} to 1: taken for thumbs down and up")
    scales = {5: (4, 2), 6: (5, 2), 7: (5, 3), 10: (8, 4), 20: (15, 8), 100: (75, 40)}
    scale = next((top for top in scales if most <= top), None)
    if scale is None or least < 0:
        return None
    like, dislike = scales[scale]
    doubt = f"taken for a scale up to {scale} where more is better: from {like} on a like, up to {dislike} a dislike"
    return Guess({"least": min(least, 1.0), "most": scale, "like_from": like, "dislike_to": dislike}, doubt)


def list_of(texts: Sequence[str]) -> Guess:
    """As a list: what stands between its parts."""
    sample = texts[:2000]
    if any(LIST_END in text for text in sample) or not sample:
        return Guess({})
    counts = {sign: sum(sign in text for text in sample) for sign in ("|", ";", ",", " / ", "/", "\n")}
    best = max(counts, key=lambda sign: (counts[sign], -len(sign)))
    for sign in ("|", ";"):  # a comma beside them is part of a name
        if counts[sign] > 0.05 * len(sample):
            best = sign
            break
    return Guess({"separator": best} if counts[best] > 0.02 * len(sample) else {})


def events_of(texts: Sequence[str]) -> Guess | None:
    """As names of events; None where they are too many to be that."""
    kinds = Counter(texts)
    if not kinds or len(kinds) > 40:
        return None
    values = {text: event_of(text) for text, _ in kinds.most_common()}
    if not any(values.values()):
        return None
    unknown = [text for text, event in values.items() if not event]
    guessed = ", ".join(f"{text} → {event}" for text, event in values.items() if event and text != event)
    doubts = [f"taken: {guessed}"] if guessed else []
    doubts += [f"left out, since nobody knows what it is: {', '.join(unknown)}"] if unknown else []
    return Guess({"values": values} if guessed or unknown else {}, "; ".join(doubts))


def looks_like_title(texts: Sequence[str]) -> bool:
    sample = texts[:1000]
    return (
        bool(sample)
        and len(set(sample)) > 0.8 * len(sample)
        and sum(any(sign.isalpha() for sign in text) for text in sample) > 0.9 * len(sample)
        and 4 < statistics.median(map(len, sample)) < 120
        and sum(" " in text for text in sample) > 0.4 * len(sample)
    )


def _share(texts: Sequence[str], form: str) -> float:
    """The share of texts of this format; gives up after many that are not."""
    wrong = 0
    for text in texts:
        try:
            year = datetime.strptime(text, form).year
        except ValueError:
            year = 0
        wrong += not 1900 <= year <= 2100
        if wrong > (1 - ENOUGH) * len(texts):
            return 0.0
    return 1 - wrong / max(len(texts), 1)


def _zoned(texts: Sequence[str]) -> bool:
    return all(re.search(r"(Z|UTC|[+-]\d\d:?\d\d)$", text) for text in texts[:50])


def _are_days(texts: Sequence[str]) -> bool:
    return all(len(text) == 10 for text in texts[:50])


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(\.\d+)?", text))
