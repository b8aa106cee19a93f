"""Lists for the frontier: every viewer's candidates, diversified by a method, with or without exposure prices.

B viewers, V videos, N candidates, K places, G genres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.page.diversity import METHODS, SCREEN, by_screens, odds_of_best
from training.data.splits import Holdout
from training.judge.baselines import ByTwoTower
from training.judge.protocols.frontier_points import Figures, Point
from training.measure.metrics import (
    coverage,
    genre_shares,
    gini,
    hits,
    ild_at,
    miscalibration,
    ndcg_at,
    novelty_at,
    top_k,
)

Array = np.ndarray[Any, Any]
BATCH = 512
PRICE_STEPS, PRICE_STEP, MAX_PRICE = 12, 0.08, 1.0


@dataclass(frozen=True)
class GenreCatalog:
    video_ids: list[str]
    genre_VG: Array
    watchers_V: Array  # viewers of the training window who watched each: for novelty
    viewers: int


@dataclass(frozen=True)
class Pool:
    """The candidates of every viewer, best first, and the targets."""

    rows_BN: Array
    worth_BN: Array
    targets: list[list[int]]
    taste_BG: Array  # shares of genres in each history

    def lists(self, point: Point, catalog: GenreCatalog, price_V: Array) -> Array:
        """(B, K) rows of the catalog."""
        picked = []
        for start in range(0, len(self.rows_BN), BATCH):
            part = slice(start, start + BATCH)
            rows_BN = self.rows_BN[part]
            worth_BN = self.worth_BN[part] + price_V[rows_BN]
            picked.append(METHODS[point.method](worth_BN, catalog.genre_VG[rows_BN], SCREEN, point.trade_off))
        return np.take_along_axis(self.rows_BN, by_screens(np.concatenate(picked)), axis=1)


def pool_of(retriever: ByTwoTower, catalog: GenreCatalog, asked: Holdout, candidates: int) -> Pool:
    row_of = {video_id: row for row, video_id in enumerate(catalog.video_ids)}
    rows, worths, tastes = [], [], []
    for start in range(0, len(asked), BATCH):
        part = asked.take(range(start, min(start + BATCH, len(asked))))
        score_BV = retriever.scores(part)
        taste_BG = np.zeros((len(part), catalog.genre_VG.shape[1]))
        for at, history in enumerate(part.histories):
            seen = [row_of[video_id] for video_id in history if video_id in row_of]
            score_BV[at, seen] = -np.inf
            taste_BG[at] = genre_shares(np.array([seen], dtype=np.int64), catalog.genre_VG)[0]
        best_BN = top_k(score_BV, min(candidates, len(catalog.video_ids)))
        rows.append(best_BN)
        worths.append(odds_of_best(np.take_along_axis(score_BV, best_BN, axis=1)))
        tastes.append(taste_BG)
    targets = [[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets]
    return Pool(np.concatenate(rows), np.concatenate(worths), targets, np.concatenate(tastes))


def figures_of(lists_BK: Array, pool: Pool, catalog: GenreCatalog) -> tuple[Figures, dict[str, Array]]:
    videos = len(catalog.video_ids)
    units = {
        "ndcg_at_10": ndcg_of(lists_BK, pool),
        "ild_at_10": ild_at(lists_BK, catalog.genre_VG, SCREEN),
        "novelty_at_10": novelty_at(lists_BK, catalog.watchers_V, catalog.viewers, SCREEN),
        "miscalibration_at_10": miscalibration(pool.taste_BG, genre_shares(lists_BK, catalog.genre_VG)),
    }
    figures = {name: float(np.nanmean(value)) for name, value in units.items()}
    figures |= {"coverage_at_10": coverage(lists_BK, videos), "gini_at_10": gini(lists_BK, videos)}
    return figures, units


def ndcg_of(lists_BK: Array, pool: Pool) -> Array:
    counts = np.array([len(set(wanted)) for wanted in pool.targets])
    return ndcg_at(hits(lists_BK, pool.targets), counts, SCREEN)


def exposure_prices(pool: Pool, point: Point, catalog: GenreCatalog, price_V: Array, steps: int = PRICE_STEPS) -> Array:
    """(V,) by projected subgradient ascent on the dual of "every video is shown floor x an even share of the places".

    Prices rise for videos below the floor and fall for the others, by less with every step. No floor: no prices.
    """
    videos = len(catalog.video_ids)
    if not point.floor:
        return np.zeros(videos)
    wanted = point.floor * len(pool.rows_BN) * SCREEN / videos
    for step in range(steps):
        shown_V = np.bincount(pool.lists(point, catalog, price_V).ravel(), minlength=videos)
        short_V = np.clip((wanted - shown_V) / wanted, -1.0, 1.0)
        price_V = np.clip(price_V + PRICE_STEP * (1.0 - step / steps) * short_V, 0.0, MAX_PRICE)
    return price_V


def one_watch_before(asked: Holdout) -> Holdout:
    """The same viewers one watch earlier: the newest watch is left out, and the moment is that of this watch."""
    now_us = [times[-1] if times else int(now) for times, now in zip(asked.times_us, asked.now_us, strict=True)]
    return replace(
        asked,
        histories=[history[:-1] for history in asked.histories],
        times_us=[times[:-1] for times in asked.times_us],
        now_us=np.array(now_us, dtype=np.int64),
    )


def along(wanted: Sequence[Point], pool: Pool, catalog: GenreCatalog) -> Iterator[Array]:
    """(V,) prices of every point by this pool's lists; along a curve each starts from those of the previous point."""
    free_V = price_V = np.zeros(len(catalog.video_ids))
    family = ""
    for point in wanted:
        price_V = exposure_prices(pool, point, catalog, price_V if point.family == family else free_V)
        family = point.family
        yield price_V
