"""Where candidates come from. Each source looks only among the videos that the filters allow.

V videos of the catalog, H videos of a history, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.pipeline import Request
from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.schema import COMPLETE_FRACTION, MIN_WATCH_FRACTION
from feature_repo.store.snapshot import VideoSnapshot
from models.candidates import heuristics as rules
from models.catalog import PerCatalog, rows_of
from models.page.diversity import codes

if TYPE_CHECKING:
    from models.candidates.item_cf import ItemNeighbours
    from models.candidates.matrix_factorization import MatrixFactorization
    from models.candidates.popularity import AreaPopularity
    from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]

TWO_TOWER = "two_tower"
ITEM_ITEM = "item_item"
FACTORS = "matrix_factorization"
CONTENT = "content"
CREATORS = "creators"
SERIES = "next_in_series"
TRENDING = "trending"
FRESH = "new_releases"
POPULAR = "popular"
AREA = "popular_in_area"
EXPLORE = "explore"
RESUME = "continue_watching"

ANCHORS = 10  # watched videos whose neighbours are looked at
FRESH_DAYS = 30  # of the row and the source; what the policy calls fresh is the policy's to say


class Nearest:
    """The nearest videos of an index to the viewer's vector in it; `vector` gives None of a viewer who has none."""

    def __init__(self, name: str, index: VideoIndex, n: int, vector: Callable[[Request], Array | None]) -> None:
        self.name = name
        self._index = index
        self._n = n
        self._vector = vector
        self._catalog_row = PerCatalog(lambda snapshot: _rows_of(self._index.ids, snapshot))

    def find(self, request: Request, allowed: Array) -> Candidates:
        catalog_row = self._catalog_row.of(request.catalog)  # of each row of the index; -1 = not in the catalog
        allowed_in_index = (catalog_row >= 0) & allowed[catalog_row]
        n = min(max(self._n, 3 * request.query.limit), int(allowed_in_index.sum()))
        vector = self._vector(request)
        if not n or vector is None:
            return Candidates.found(self.name, [], [])
        ids, scores = self._index.search(vector[None, :], n, allowed_in_index)
        kept = ids[0] != ""
        return Candidates.found(self.name, rows_of(request.catalog, ids[0][kept].tolist()), scores[0][kept])


def two_tower(index: VideoIndex, n: int) -> Nearest:
    """New videos are in the index by their content."""

    def vector(request: Request) -> Array:
        if request.user_vector is None:
            raise ValueError("the two-tower source needs the viewer's vector")
        return request.user_vector

    return Nearest(TWO_TOWER, index, n, vector)


def matrix_factorization(factors: MatrixFactorization, n: int) -> Nearest:
    """The viewer is folded in from the freshest history. Finds nothing for a viewer of whom no watch is known."""

    def vector(request: Request) -> Array | None:
        vector: Array = factors.user_vectors([_liked_history(request)])[0]
        return vector if vector.any() else None

    return Nearest(FACTORS, factors.index, n, vector)


class Alike:
    """Videos alike to the viewer's last ones, by who watched them or by content: the sum of similarities. `anchor` is
    the catalog row of the watched video that contributed most: "Because you watched ..."."""

    def __init__(self, name: str, neighbours: ItemNeighbours, n: int) -> None:
        self.name = name
        self._neighbours = neighbours
        self._n = n
        self._catalog_row = PerCatalog(lambda snapshot: _rows_of(self._neighbours.video_ids, snapshot))

    def find(self, request: Request, allowed: Array) -> Candidates:
        catalog_row, row_of = self._catalog_row.of(request.catalog), request.catalog.row_of
        watched = _liked_history(request, ANCHORS)
        known = [self._neighbours.row_of.get(video_id, -1) for video_id in watched]
        found, score, voter = self._neighbours.votes(np.array(known, dtype=np.int64))
        rows = catalog_row[found]
        kept = np.flatnonzero((rows >= 0) & allowed[rows])[: max(self._n, 3 * request.query.limit)]
        anchors = np.array([row_of.get(video_id, -1) for video_id in watched], dtype=np.int64)
        return Candidates.found(self.name, rows[kept], score[kept], anchor=anchors[voter[kept]])


class OfCreators:
    """Videos of the creators whom the viewer watches, likes and shares most, the popular ones first."""

    name = CREATORS

    def __init__(self, n: int) -> None:
        self._n = n
        self._creators = PerCatalog(lambda snapshot: np.unique(snapshot.columns["creator_id"].astype(str)))
        self._code = PerCatalog(self._codes)

    def find(self, request: Request, allowed: Array) -> Candidates:
        creators, code = self._creators.of(request.catalog), self._code.of(request.catalog)
        values = request.viewer.features.values
        liked = np.array(values["creator_ids"], dtype=str)
        if not len(liked) or not len(creators):
            return Candidates.found(self.name, [], [])
        place = np.minimum(np.searchsorted(creators, liked), len(creators) - 1)
        liked_code = np.where((creators[place] == liked) & (liked != ""), place, -1)
        weight = np.asarray(values["creator_weights"], dtype=np.float64)
        score = rules.of_creators(code, liked_code, weight, _popularity(request))
        return _best(self.name, score, allowed & (score > 0), self._n)

    def _codes(self, snapshot: VideoSnapshot) -> Array:
        names = snapshot.columns["creator_id"].astype(str)
        code = np.searchsorted(self._creators.of(snapshot), names)
        return np.where(names == "", -1, code).astype(np.int64)


class NextInSeries:
    """The next allowed episode of each series that the viewer watched lately."""

    name = SERIES

    def __init__(self, n: int) -> None:
        self._n = n
        self._series = PerCatalog(lambda snapshot: codes(list(snapshot.columns["series_id"])))

    def find(self, request: Request, allowed: Array) -> Candidates:
        watched = rows_of(request.catalog, request.viewer.history_ids[-ANCHORS:])[::-1]
        episode = request.catalog.columns["episode"]
        rows, anchors = rules.next_in_series(self._series.of(request.catalog), episode, watched, allowed)
        scores = 1.0 / np.arange(1, len(rows[: self._n]) + 1)
        return Candidates.found(self.name, rows[: self._n], scores, anchor=anchors[: self._n])


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
        return _best(self.name, _popularity(request), allowed, max(self.n, self.n + 2 * request.query.limit))


@dataclass(frozen=True)
class PopularInArea:
    """What is watched most in the viewer's country; nothing where the country is not known."""

    area: AreaPopularity
    n: int
    name = AREA

    def find(self, request: Request, allowed: Array) -> Candidates:
        best = self.area.best.get(request.viewer.country, [])
        row_of = request.catalog.row_of
        found = [(row, watches) for video_id, watches in best if (row := row_of.get(video_id, -1)) >= 0]
        found = [(row, watches) for row, watches in found if allowed[row]][: self.n]
        return Candidates.found(self.name, [row for row, _ in found], [watches for _, watches in found])


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


def _popularity(request: Request) -> Array:
    columns = request.catalog.columns
    return rules.popular(columns["video_watch_count_30d"], columns["video_watch_count"])


def _liked_history(request: Request, newest: int | None = None) -> list[str]:
    """The newest watches without what the viewer said not to be interested in."""
    hidden = set(request.viewer.features.values["hidden_video_ids"])
    watched = request.viewer.history_ids
    return [video_id for video_id in (watched[-newest:] if newest else watched) if video_id not in hidden]


def _rows_of(video_ids: Sequence[str], snapshot: VideoSnapshot) -> Array:
    return np.array([snapshot.row_of.get(video_id, -1) for video_id in video_ids], dtype=np.int64)


def _best(source: str, score: Array, among: Array, n: int) -> Candidates:
    rows = np.flatnonzero(among)
    if len(rows) > n:
        rows = rows[np.argpartition(-score[rows], n - 1)[:n]]
    rows = rows[np.lexsort((rows, -score[rows]))]
    return Candidates.found(source, rows, score[rows])
