"""The candidates of a request as the ranker's inputs, each part encoded when it is known.

    of a video      once, when it is first a candidate, and again when it changes (models/per_video.py)
    of a request    once, for all candidates
    of both         for each candidate

The functions are those of models/encoding/ranker.py: the inputs equal those that `RankerEncoding.encode` makes of
`rank_columns`, as training does.

N candidates, F numbers, C categories, T trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from feature_repo.compute.columns import Columns, RankColumns
from feature_repo.core.home import World
from feature_repo.registry import VIDEO_ACTIVITY, VIDEO_WINDOWS, Side, side_of
from models.catalog import Catalog
from models.encoding.ranker import (
    RankerEncoding,
    RankerInputs,
    pair_columns,
    rank_columns,
    request_columns,
    video_columns,
)
from models.encoding.rates import VIDEO_PARTS, Codes
from models.per_video import PerVideo
from models.ranking.leaves import Leaves

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Asked:
    """Who is asked about which videos: the viewer and the context as one row, `user_id` among the viewer's columns."""

    user: Columns
    context: Columns
    catalog: Catalog
    rows: Array  # (N,) of the catalog
    two_tower_score: Array  # (N,) float32
    world: World

    def columns(self) -> RankColumns:
        """The same as the columns that training reads."""
        return rank_columns(self.user, Videos(self.catalog, self.rows), self.context, self.two_tower_score, self.world)


class Videos(Mapping[str, Array]):
    """Columns of some rows of a catalog, with `video_id`; only what is read is looked up."""

    def __init__(self, catalog: Catalog, rows: Array) -> None:
        self._catalog = catalog
        self._rows = rows

    def __getitem__(self, name: str) -> Array:
        column = self._catalog.video_ids if name == "video_id" else self._catalog.columns[name]
        rows: Array = column[self._rows]
        return rows

    def __iter__(self) -> Iterator[str]:
        yield from ("video_id", *self._catalog.columns)

    def __len__(self) -> int:
        return len(self._catalog.columns) + 1


class _Part:
    """The inputs of one side: its numbers and categories with their places among all, and the rates among them."""

    def __init__(self, side: Side, encoding: RankerEncoding) -> None:
        self.places = np.flatnonzero([side_of(name) == side for name in encoding.numbers])
        self.encoded = encoding.dense(tuple(encoding.numbers[at] for at in self.places))
        categories = enumerate(encoding.categories.items())
        self.categories = [(at, name, codes) for at, (name, codes) in categories if side_of(name) == side]
        self.rates = () if encoding.rates is None else encoding.rates.keys(side)
        self.inputs = (*self.places.tolist(), *(len(encoding.numbers) + at for at, _, _ in self.categories))


class Sides:
    """Encodes the candidates of requests for one ranker. Thread-safe."""

    def __init__(self, encoding: RankerEncoding, leaves: Leaves) -> None:
        self._encoding = encoding
        self._leaves = leaves
        self.request, self.video, self.pair = (_Part(side, encoding) for side in get_args(Side))
        self._kept = PerVideo((*VIDEO_WINDOWS, *VIDEO_ACTIVITY))

    def inputs(self, asked: Asked) -> RankerInputs:
        encoding, n = self._encoding, len(asked.rows)
        videos = self._kept.of(asked.catalog, asked.rows, lambda rows: self._of_videos(asked, rows))
        dense, categorical, video, left, *codes = videos
        request = request_columns(asked.user, asked.context)
        pair = pair_columns(asked.user, Videos(asked.catalog, asked.rows), asked.context, asked.two_tower_score)
        if encoding.rates is not None:
            of_video = dict(zip(VIDEO_PARTS, codes, strict=True))
            all_codes = Codes({**encoding.rates.request_codes(request), **of_video})
            request |= encoding.rates.lookup(all_codes, self.request.rates)
            pair |= encoding.rates.lookup(all_codes, self.pair.rates)
        dense[:, self.request.places] = self.request.encoded.of(request, 1)
        dense[:, self.pair.places] = self.pair.encoded.of(pair, n)
        for at, name, vocabulary in self.request.categories:
            categorical[:, at] = vocabulary.codes(request[name])
        first = np.concatenate([dense[:1], categorical[:1, :-1]], axis=1, dtype=np.float32, casting="unsafe")
        left &= self._leaves.left(first, self.request.inputs)
        left &= self._leaves.left(dense, self.pair.inputs)
        return RankerInputs(dense, categorical, video, *encoding.past(request, 1), left)

    def _of_videos(self, asked: Asked, rows: Array) -> tuple[Array, ...]:
        """Rows of inputs in which what is not of the video is 0, and its codes for the rates."""
        encoding, side = self._encoding, self.video
        columns = video_columns(Videos(asked.catalog, rows), asked.world)
        codes: Mapping[str, Array] = {}
        if encoding.rates is not None:
            codes = encoding.rates.video_codes(columns)
            columns |= encoding.rates.lookup(Codes(codes), side.rates)
        dense = np.zeros((len(rows), len(encoding.numbers)), dtype=np.float32)
        dense[:, side.places] = side.encoded.of(columns, len(rows))
        categorical = np.zeros((len(rows), len(encoding.categories) + 1), dtype=np.int64)
        for at, name, vocabulary in side.categories:
            categorical[:, at] = vocabulary.codes(columns[name])
        video = encoding.videos.codes(columns["video_id"])
        inputs = np.concatenate([dense, categorical[:, :-1]], axis=1, dtype=np.float32, casting="unsafe")
        return (
            dense,
            categorical,
            video,
            self._leaves.left(inputs, side.inputs),
            *(codes[part] for part in VIDEO_PARTS if codes),
        )
