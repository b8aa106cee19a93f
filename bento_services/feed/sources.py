"""Where candidates come from. Each source looks only among the videos that the filters allow.

V videos of the catalog, H videos of a history, D embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bento_services.feed.aligned import Aligned
from bento_services.feed.candidates import Candidates
from bento_services.feed.pipeline import Request
from feature_repo.fold import DAY_US, decayed
from feature_repo.reader import VideoSnapshot
from feature_repo.schema import COMPLETE_FRACTION, MIN_WATCH_FRACTION
from models.diversity import codes

if TYPE_CHECKING:
    from models.index import VideoIndex
    from models.item_cf import ItemNeighbours

Array = np.ndarray[Any, Any]

TWO_TOWER = "two_tower"
ITEM_ITEM = "item_item"
SERIES = "next_in_series"
TRENDING = "trending"
FRESH = "new_releases"
POPULAR = "popular"
EXPLORE = "explore"
RESUME = "continue_watching"

ANCHORS = 10  # watched videos whose neighbours are looked at
NEIGHBOURS = 50
FRESH_DAYS = 30  # of the row and the source; what the policy calls fresh is the policy's to say


class TwoTower:
    """The nearest videos to the viewer's vector. New videos are in the index by their content."""

    name = TWO_TOWER

    def __init__(self, index: VideoIndex, n: int) -> None:
        self._index = index
        self._n = n
        self._catalog_row = Aligned(self._catalog_rows)

    def find(self, request: Request, allowed: Array) -> Candidates:
        if request.user_vector is None:
            raise ValueError("the two-tower source needs the viewer's vector")
        catalog_row = self._catalog_row.of(request.catalog)  # of each row of the index; -1 = not in the catalog
        allowed_in_index = (catalog_row >= 0) & allowed[catalog_row]
        n = min(max(self._n, 3 * request.query.limit), int(allowed_in_index.sum()))
        if not n:
            return Candidates.found(self.name, [], [])
        ids, scores = self._index.search(request.user_vector[None, :], n, allowed_in_index)
        kept = ids[0] != ""
        return Candidates.found(self.name, request.rows_of(ids[0][kept].tolist()), scores[0][kept])

    def _catalog_rows(self, snapshot: VideoSnapshot) -> Array:
        return np.array([snapshot.row_of.get(video_id, -1) for video_id in self._index.ids], dtype=np.int64)


class ItemItem:
    """Videos watched by those who watched the viewer's last videos: the sum of similarities. `anchor` is the catalog
    row of the watched video that contributed most: "Because you watched ..."."""

    name = ITEM_ITEM

    def __init__(self, neighbours: ItemNeighbours, n: int) -> None:
        self._neighbours = neighbours
        self._n = n

    def find(self, request: Request, allowed: Array) -> Candidates:
        row_of, hidden = request.catalog.row_of, set(request.viewer.features.values["hidden_video_ids"])
        total: dict[int, float] = {}
        strongest: dict[int, tuple[float, int]] = {}
        for watched in reversed(request.viewer.history_ids[-ANCHORS:]):
            anchor = row_of.get(watched, -1)
            if watched in hidden:
                continue
            for video_id, similarity in self._neighbours.neighbours(watched, NEIGHBOURS):
                row = row_of.get(video_id, -1)
                if row < 0 or not allowed[row]:
                    continue
                total[row] = total.get(row, 0.0) + similarity
                if similarity > strongest.get(row, (0.0, -1))[0]:
                    strongest[row] = (similarity, anchor)
        best = sorted(total, key=lambda row: -total[row])[: max(self._n, 3 * request.query.limit)]
        anchors = np.array([strongest.get(row, (0.0, -1))[1] for row in best], dtype=np.int64)
        return Candidates.found(self.name, best, [total[row] for row in best], anchor=anchors)


class NextInSeries:
    """The next allowed episode of each series that the viewer watched lately."""

    name = SERIES

    def __init__(self, n: int) -> None:
        self._n = n
        self._series = Aligned(lambda snapshot: codes(list(snapshot.columns["series_id"])))

    def find(self, request: Request, allowed: Array) -> Candidates:
        series, episode = self._series.of(request.catalog), request.catalog.columns["episode"]
        rows: list[int] = []
        anchors: list[int] = []
        begun: set[int] = set()
        for watched in request.rows_of(request.viewer.history_ids[-ANCHORS:])[::-1].tolist():
            if series[watched] < 0 or series[watched] in begun:
                continue
            begun.add(int(series[watched]))
            ahead = np.flatnonzero((series == series[watched]) & allowed & (episode > episode[watched]))
            if len(ahead):
                rows.append(int(ahead[np.argmin(episode[ahead])]))
                anchors.append(watched)
        rows, anchors = rows[: self._n], anchors[: self._n]
        scores = 1.0 / np.arange(1, len(rows) + 1)
        return Candidates.found(self.name, rows, scores, anchor=np.array(anchors, dtype=np.int64))


@dataclass(frozen=True)
class Trending:
    """What is watched most right now: watches with a half-life of one day."""

    n: int
    name = TRENDING

    def find(self, request: Request, allowed: Array) -> Candidates:
        columns = request.catalog.columns
        since_us = columns["video_activity_timestamp_us"]
        trend = decayed(columns["watch_decayed_1d"], since_us, request.now_us, 1.0)
        return _best(self.name, trend, allowed & (trend > 1e-6), self.n)


@dataclass(frozen=True)
class NewReleases:
    """The newest videos."""

    n: int
    name = FRESH

    def find(self, request: Request, allowed: Array) -> Candidates:
        age_days = (request.now_us - request.catalog.columns["published_timestamp_us"]) / DAY_US
        return _best(self.name, -age_days, allowed & (age_days <= FRESH_DAYS), self.n)


@dataclass(frozen=True)
class Popular:
    """The most watched videos of the last month, then of all time, then the rest: it finds something if there is
    anything, and so decides that a page is as long as it can be."""

    n: int
    name = POPULAR

    def find(self, request: Request, allowed: Array) -> Candidates:
        columns = request.catalog.columns
        total = columns["video_watch_count"].astype(np.float64)
        watches = columns["video_watch_count_30d"] + total / (total.max(initial=0.0) + 1.0)
        return _best(self.name, watches, allowed, max(self.n, self.n + 2 * request.query.limit))


@dataclass(frozen=True)
class Explore:
    """Videos far from the viewer's usual genres, drawn evenly. `explore_pool` is how many they were drawn from."""

    n: int
    name = EXPLORE

    def find(self, request: Request, allowed: Array) -> Candidates:
        rows = np.flatnonzero(allowed)
        affinity = np.asarray(request.viewer.features.values["genre_affinity"], dtype=np.float32)
        if affinity.any() and len(rows):
            genres = request.catalog.columns["genres"][rows]
            familiar = genres @ affinity / np.maximum(genres.sum(axis=1), 1.0)
            rows = rows[familiar <= np.median(familiar)]
        drawn = request.rng("explore").permutation(rows)[: self.n]
        pool = np.full(len(drawn), len(rows), dtype=np.int64)
        return Candidates.found(self.name, drawn, np.arange(len(drawn), 0, -1), explore_pool=pool)


@dataclass(frozen=True)
class Resume:
    """What the viewer began and has not finished, latest first; its score is the share that was watched."""

    n: int
    name = RESUME

    def find(self, request: Request, allowed: Array) -> Candidates:
        values = request.viewer.features.values
        begun = zip(values["history_video_ids"], values["history_watch_fractions"], strict=True)
        row_of = request.catalog.row_of
        found = [
            (row, fraction)
            for video_id, fraction in begun
            if MIN_WATCH_FRACTION <= fraction < COMPLETE_FRACTION and (row := row_of.get(video_id, -1)) >= 0
        ]
        found = [(row, fraction) for row, fraction in reversed(found) if allowed[row]][: self.n]
        return Candidates.found(self.name, [row for row, _ in found], [fraction for _, fraction in found])


def _best(source: str, score: Array, among: Array, n: int) -> Candidates:
    rows = np.flatnonzero(among)
    if len(rows) > n:
        rows = rows[np.argpartition(-score[rows], n - 1)[:n]]
    rows = rows[np.lexsort((rows, -score[rows]))]
    return Candidates.found(source, rows, score[rows])
