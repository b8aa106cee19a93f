"""Columns -> the ranker's tensors: one encoder for training and serving.

Training differs from serving only in passing the position of each exposure.

N rows, F numbers, C categories; R viewers at a moment, P of their past watches (PAST).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

import numpy as np

from feature_repo.compute.columns import Columns, RankColumns, Shared, shared, values
from feature_repo.compute.crosses import CROSSES
from feature_repo.compute.derived import DERIVED, TWO_TOWER_SCORE, genre_columns
from feature_repo.compute.feature import Family
from feature_repo.compute.inputs import CONTEXT, FeatureInputs, computed
from feature_repo.compute.past import PAST, PAST_COLUMNS, past_columns
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import World
from feature_repo.registry import Side, read_as, side_of
from models.encoding.rates import ExposureRates
from models.encoding.vocabulary import Vocabulary

Array = np.ndarray[Any, Any]

USER_NUMBERS = (
    *read_as("number", "user_windows"),
    *read_as("number", "user_activity"),
    *read_as("number", "user_profile"),
)
VIDEO_NUMBERS = (
    *read_as("number", "video_windows"),
    *read_as("number", "video_activity"),
    *read_as("number", "video_profile"),
)
USER_CATEGORIES = read_as("category", "user_profile")
VIDEO_CATEGORIES = read_as("category", "video_profile")
CONTEXT_CATEGORIES = tuple(feature.name for feature in CONTEXT if feature.ranker == "category")
IDS = ("user_id", "video_id")  # not encoded as categories: the rates hold what was learned about single ids

_COMPUTED: Mapping[Side, Sequence[tuple[Family, tuple[str, ...]]]] = {
    side: [(family, tuple(name for name in family.functions if side_of(name) == side)) for family in (DERIVED, CROSSES)]
    for side in get_args(Side)
}

POSITION_SLOTS = 50  # slot 0: unknown; slot 1 + p: position p; the last slot holds everything further down
LOG_ABOVE = 20.0  # a nonnegative number whose maximum is above this is encoded by its logarithm
MAX_AGE = 20.0  # doublings of a minute: two years
CLIP = 6.0  # standard deviations; keeps outliers in serving within the range that the network was trained on


class EncodingError(MarqueeError):
    """Columns that lack what a model was trained on."""


class RankerInputs(NamedTuple):
    """Encoded rows. The rows of one request share one past (R = 1); otherwise each row has its own (R = N)."""

    dense: Array  # (N, F) float32
    categorical: Array  # (N, C + 1) int64; the last one is the position slot
    video: Array  # (N,) int64: the candidate's code; 0 = unknown
    past: Array  # (R, PAST) int64: codes of what was watched
    facts: Array  # (R, PAST, 2) float32: log age of each watch as a share of MAX_AGE, and the fraction watched
    left: Array | None = None  # (N, T) the trees' leaves that are left, where they are known: models/ranking/leaves.py

    def take(self, rows: Array | slice) -> RankerInputs:
        """The rows at these indices."""
        past, facts = (self.past, self.facts) if len(self.past) == 1 else (self.past[rows], self.facts[rows])
        left = None if self.left is None else self.left[rows]
        return RankerInputs(self.dense[rows], self.categorical[rows], self.video[rows], past, facts, left)


def rank_columns(
    user: Columns, video: Columns, context: Columns, two_tower_score: Array, world: World
) -> dict[str, Array | Shared]:
    """Everything the ranker may read, one row per candidate: (N,) float32 numbers, (N,) object categories, and
    PAST_COLUMNS: ids, days since and fractions of the newest watches. All of them are registered features.

    `user` and `context` hold one row (a request: their columns are then Shared) or N rows (training); `video` holds N
    rows with `genres` as the (N, GENRE_SLOTS) multi-hot; `user_id` and `video_id` are among their columns.
    `two_tower_score` (N,) is the dot product of the viewer's vector and each video's.

    They are the columns of three functions, which serving calls at different times (models/ranking/sides.py).
    """
    columns = request_columns(user, context) | video_columns(video, world)
    columns |= pair_columns(user, video, context, two_tower_score)
    numbers = (*USER_NUMBERS, *VIDEO_NUMBERS, *DERIVED.functions, TWO_TOWER_SCORE.name)
    numbers = (*numbers, *genre_columns(video, world.genres), *CROSSES.functions)
    names = (*numbers, *USER_CATEGORIES, *VIDEO_CATEGORIES, *CONTEXT_CATEGORIES, *IDS, *PAST_COLUMNS)
    return {name: shared(columns[name], len(two_tower_score)) for name in names}


def request_columns(user: Columns, context: Columns) -> dict[str, Array]:
    """What follows from the viewer and the request: (1|N, ...), as many rows as these have."""
    inputs = FeatureInputs(user, {}, context)
    columns = {name: np.asarray(user[name], dtype=np.float32) for name in USER_NUMBERS}
    columns |= _computed("request", inputs)
    columns |= {name: user[name] for name in (*USER_CATEGORIES, IDS[0])}
    columns |= {name: context[name] for name in CONTEXT_CATEGORIES}
    return columns | past_columns(user, inputs.now_us)


def video_columns(video: Columns, world: World) -> dict[str, Array]:
    """What follows from the videos alone: (N,), the same for every request."""
    columns = {name: np.asarray(video[name], dtype=np.float32) for name in VIDEO_NUMBERS}
    columns |= _computed("video", FeatureInputs({}, video, {}))
    columns |= {name: np.asarray(hot, dtype=np.float32) for name, hot in genre_columns(video, world.genres).items()}
    return columns | {name: video[name] for name in (*VIDEO_CATEGORIES, IDS[1])}


def pair_columns(user: Columns, video: Columns, context: Columns, two_tower_score: Array) -> dict[str, Array]:
    """What follows from both: (N,)."""
    columns = {TWO_TOWER_SCORE.name: np.asarray(two_tower_score, dtype=np.float32)}
    return columns | _computed("pair", FeatureInputs(user, video, context))


def _computed(side: Side, inputs: FeatureInputs) -> dict[str, Array]:
    return {name: column for family, of in _COMPUTED[side] for name, column in computed(family, inputs, of).items()}


@dataclass(frozen=True)
class EncodedNumbers:
    """How some numbers are encoded, each by itself: its logarithm if it is large, standardized, clipped."""

    names: tuple[str, ...]
    logged: Array  # places of those that are encoded as log(1 + x)
    mean: Array  # (F,) float32, after the logarithm
    scale: Array

    def of(self, columns: RankColumns, n: int) -> Array:
        """(n, F) float32. Raises EncodingError when a column is missing."""
        _require(self.names, columns)
        dense = _stack(columns, self.names, self.logged, n)
        dense -= self.mean
        dense /= self.scale
        np.clip(dense, -CLIP, CLIP, out=dense)
        dense[np.isnan(dense)] = 0.0
        return dense


@dataclass(frozen=True)
class RankerEncoding:
    """What `fit` learned about the columns: order, scale and vocabularies. Immutable; saved in the artifact as JSON.

    `rates` are saved in separate files, and looked up only if the columns do not hold them already: training rows come
    with rates that leave out their own outcome.
    """

    numbers: tuple[str, ...]
    logged: tuple[str, ...]  # those of `numbers` that are encoded as log(1 + x)
    mean: tuple[float, ...]  # parallel to `numbers`, after the logarithm
    scale: tuple[float, ...]
    categories: Mapping[str, Vocabulary]  # 0 = unknown
    videos: Vocabulary = field(default_factory=Vocabulary)  # those that target attention has vectors of
    rates: ExposureRates | None = None

    @classmethod
    def fit(cls, columns: Columns, rates: ExposureRates | None = None, videos: Sequence[str] = ()) -> RankerEncoding:
        columns = {name: column for name, column in columns.items() if name not in (*IDS, *PAST_COLUMNS)}
        numbers = tuple(name for name, column in columns.items() if column.dtype != object)
        logged = tuple(n for n in numbers if columns[n].min(initial=0) >= 0 and columns[n].max(initial=0) > LOG_ABOVE)
        at_logged = np.array([numbers.index(name) for name in logged], dtype=np.intp)
        raw = _stack(columns, numbers, at_logged, len(columns[numbers[0]])).astype(np.float64)
        scale = raw.std(axis=0)
        return cls(
            numbers=numbers,
            logged=logged,
            mean=tuple(raw.mean(axis=0).tolist()),
            scale=tuple(np.where(scale > 1e-6, scale, 1.0).tolist()),
            categories={
                name: Vocabulary.of_frequent(column) for name, column in columns.items() if column.dtype == object
            },
            videos=Vocabulary(tuple(videos)),
            rates=rates,
        )

    def encode(self, columns: RankColumns, position: Array | None = None) -> RankerInputs:
        """Columns of N rows -> the inputs of the network and the trees.

        Position is constant when serving: the slot is not known yet. In training it is the position of the exposure,
        -1 if unknown. Raises EncodingError when a column is missing.
        """
        if self.rates is not None and (absent := set(self.rates.names()) - set(columns)):
            rates = self.rates.columns(columns)
            columns = {**columns, **{name: rates[name] for name in absent}}
        past = ("video_id", *PAST_COLUMNS) if self.videos else ()
        trained_on = (*self.numbers, *self.categories, *past)
        _require(trained_on, columns)
        dense = self.dense(self.numbers).of(columns, len(columns[self.numbers[0]]))
        categorical = np.zeros((len(dense), len(self.categories) + 1), dtype=np.int64)
        for at, (name, vocabulary) in enumerate(self.categories.items()):
            categorical[:, at] = vocabulary.codes(columns[name])
        if position is not None:
            categorical[:, -1] = np.clip(position + 1, 0, POSITION_SLOTS - 1)
        video = self.videos.codes(columns["video_id"]) if self.videos else np.zeros(len(dense), dtype=np.int64)
        return RankerInputs(dense, categorical, video, *self.past(columns, len(dense)))

    def dense(self, names: tuple[str, ...]) -> EncodedNumbers:
        """How these of its numbers are encoded."""
        at = [self.numbers.index(name) for name in names]
        logged = [place for place, name in enumerate(names) if name in self.logged]
        mean, scale = (np.array(values, dtype=np.float32)[at] for values in (self.mean, self.scale))
        return EncodedNumbers(names, np.array(logged, dtype=np.intp), mean, scale)

    def past(self, columns: RankColumns, n: int) -> tuple[Array, Array]:
        """`past` and `facts` of RankerInputs."""
        if not self.videos:
            viewers = 1 if any(isinstance(column, Shared) for column in columns.values()) else n
            return np.zeros((viewers, PAST), dtype=np.int64), np.zeros((viewers, PAST, 2), dtype=np.float32)
        ids, ages, fractions = (values(columns[name]) for name in PAST_COLUMNS)
        age = np.log2(1.0 + np.maximum(ages, 0.0) * (24 * 60))  # a minute ago: 1; a year ago: 19
        facts = np.stack([age / MAX_AGE, np.clip(fractions, 0.0, 2.0)], axis=2)
        past = self.videos.codes(ids.ravel()).reshape(ids.shape)
        return past, np.nan_to_num(facts).astype(np.float32)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """The embedding rows that each categorical column needs; the position comes last."""
        return (*(len(vocabulary) + 1 for vocabulary in self.categories.values()), POSITION_SLOTS)

    def to_json(self) -> dict[str, Any]:
        return {
            "numbers": list(self.numbers),
            "logged": list(self.logged),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "categories": {name: list(vocabulary.values) for name, vocabulary in self.categories.items()},
            "videos": list(self.videos.values),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], rates: ExposureRates | None = None) -> RankerEncoding:
        """Raises EncodingError for a file written by a revision that is too old."""
        if missing := [name for name in ("numbers", "categories", "videos") if name not in fields]:
            raise EncodingError(f"the ranker's encoding has no {missing[0]}: train it again with `marquee release`")
        return cls(
            rates=rates,
            **{name: tuple(fields[name]) for name in ("numbers", "logged", "mean", "scale")},
            categories={name: Vocabulary(tuple(values)) for name, values in fields["categories"].items()},
            videos=Vocabulary(tuple(fields["videos"])),
        )


def _require(names: Sequence[str], columns: RankColumns) -> None:
    if missing := [name for name in names if name not in columns]:
        raise EncodingError(
            f"the ranker was trained on {len(names)} features, "
            f"{len(missing)} of them are missing: {', '.join(missing)} (run `marquee features`)"
        )


def _stack(columns: RankColumns, names: Sequence[str], logged: Array, n: int) -> Array:
    stacked = np.empty((n, len(names)), dtype=np.float32)
    for at, name in enumerate(names):
        stacked[:, at] = values(columns[name])
    stacked[:, logged] = np.log1p(np.maximum(stacked[:, logged], 0.0))
    return stacked
