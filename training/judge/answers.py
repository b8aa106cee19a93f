"""Ranked lists over the whole catalog, and their metrics.

Ranks are over the full catalog, never sampled; watched videos are left out.

B questions, U viewers, V videos of the catalog, K places of a list, G genres.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import Home
from feature_repo.core.progress import Advance
from feature_repo.lake.cut import cut_of
from training.data.questions import Question, Questions
from training.data.splits import Holdout
from training.judge.baselines import Retriever, watched_matrix
from training.measure.metrics import (
    by_unit,
    coverage,
    genre_shares,
    gini,
    ild_at,
    miscalibration,
    novelty_at,
    ranking_figures,
    rows_at_once,
    top_k,
)

Array = np.ndarray[Any, Any]
Figures = dict[str, float | None]
LIST_LENGTH = 50
BATCH = 512  # viewers whose scores are held at once


class Answers:
    """Measures the ranked lists for one question."""

    def __init__(self, home: Home, question: Question, split: Questions) -> None:
        self.question, self.unit_B = question, question.units()
        self.row_of = {video_id: row for row, video_id in enumerate(split.catalog)}
        self.targets = targets_of(question.asked, self.row_of)
        genres_of = dict(
            zip(*(cut_of(home).videos()[name].to_pylist() for name in ("video_id", "genres")), strict=True)
        )
        self.genres_VG = multi_hot([genres_of.get(video_id) or [] for video_id in split.catalog], home.world().genres)
        known = np.array([self.row_of[video_id] for video_id in split.known.video_ids], dtype=np.int64)
        self.watchers_V = np.bincount(known, minlength=len(split.catalog))
        self.viewers = len(split.known)

    def measure(self, lists_BK: Array, figures: Figures, per_unit: dict[str, Array]) -> None:
        """Add this question's figures, their names ending in its own: means over watches, every row by its weight."""
        suffix, weight_B = self.question.name, self.question.weight_B
        for name, value_B in ranking_figures(lists_BK, self.targets).items():
            for part, part_weight_B in self._parts(weight_B):
                key = f"{name}{part}{suffix}"
                per_unit[key] = by_unit(value_B, part_weight_B, self.unit_B)
                figures[key] = float(per_unit[key].mean())
            if len(per_unit[f"{name}{suffix}"]) < len(value_B):
                mean_U = np.bincount(self.unit_B, value_B * weight_B) / np.bincount(self.unit_B, weight_B)
                figures[f"{name}_by_viewer{suffix}"] = float(mean_U.mean())
        first_BK = lists_BK[:, :10]
        videos = len(self.row_of)
        figures[f"coverage_at_10{suffix}"] = coverage(first_BK, videos)
        figures[f"gini_at_10{suffix}"] = gini(first_BK, videos)
        for name, value_B in self._of_lists(first_BK).items():
            seen = np.isfinite(value_B)
            figures[f"{name}_at_10{suffix}"] = float(value_B[seen].mean()) if seen.any() else None

    def _parts(self, weight_B: Array) -> list[tuple[str, Array]]:
        cold_B = self.question.cold_B
        if cold_B is None:
            return [("", weight_B)]
        return [("", weight_B), ("_warm", np.where(cold_B, 0.0, weight_B)), ("_cold", np.where(cold_B, weight_B, 0.0))]

    def _of_lists(self, first_BK: Array) -> dict[str, Array]:
        """Metrics of the lists alone, without targets; by genre where the catalog has genres."""
        figures = {"novelty": novelty_at(first_BK, self.watchers_V, self.viewers, 10)}
        if not self.genres_VG.any():
            return figures
        parts = np.array_split(first_BK, max(len(first_BK) // BATCH, 1))
        list_BG = np.concatenate([genre_shares(part, self.genres_VG) for part in parts])
        diversity_B = np.concatenate([ild_at(part, self.genres_VG, 10) for part in parts])
        return {"ild": diversity_B, **figures, "miscalibration": miscalibration(self.history_BG, list_BG)}

    @cached_property
    def history_BG(self) -> Array:
        """(B, G) shares of genres in the histories."""
        alone_VG = genre_shares(np.arange(len(self.genres_VG))[:, None], self.genres_VG)
        total_BG = np.asarray(watched_matrix(self.question.asked.histories, self.row_of) @ alone_VG)
        sum_B1 = total_BG.sum(axis=1, keepdims=True)
        shares_BG: Array = np.divide(total_BG, sum_B1, out=np.zeros(total_BG.shape), where=sum_B1 > 0)
        return shares_BG


def best_lists(
    retriever: Retriever, asked: Holdout, row_of: Mapping[str, int], advance: Advance = lambda rows: None
) -> Array:
    """(B, LIST_LENGTH) rows of the catalog, best first, without watched videos; -1 where nothing is left."""
    lists = []
    size = rows_at_once(len(row_of), BATCH)
    for start in range(0, len(asked), size):
        part = asked.take(range(start, min(start + size, len(asked))))
        score_BV = np.array(retriever.scores(part), dtype=np.float32)
        for at, history in enumerate(part.histories):
            score_BV[at, [row_of[video_id] for video_id in history if video_id in row_of]] = -np.inf
        best_BK = top_k(score_BV, LIST_LENGTH)
        lists.append(np.where(np.take_along_axis(score_BV, best_BK, axis=1) > -np.inf, best_BK, -1))
        advance(len(part))
    return np.concatenate(lists)


def targets_of(asked: Holdout, row_of: Mapping[str, int]) -> list[list[int]]:
    """Rows of the targets. A target outside the catalog is -1: it counts, and cannot be found."""
    return [[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets]
