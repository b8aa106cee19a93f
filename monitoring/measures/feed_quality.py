"""Recommendation quality and diversity: are the lists accurate, and more than the same few videos for everyone?

Compares the champion's lists and popularity's on what viewers watched afterwards.

    U users, K recommended, V videos of the catalog, G genres
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitoring.measures.evidently import (
    NDCG,
    DataDefinition,
    Diversity,
    HitRate,
    Novelty,
    Personalization,
    PopularityBiasMetric,
    Recsys,
    snapshot,
)

Array = np.ndarray[Any, Any]
MAX_PAIRWISE_VIDEOS = 8_000  # Evidently's Diversity holds a V x V matrix
MIN_GENRES_PER_LIST = 2.0
MIN_PERSONALIZATION = 0.05


@dataclass(frozen=True)
class Interactions:
    """The watches before the lists were made, one row each."""

    users: Array  # (N,) int
    videos: Array  # (N,) int, rows of the catalog


@dataclass(frozen=True)
class FeedQuality:
    """The same measures for both sets of lists, and the alarms for the current one."""

    current: Mapping[str, float]
    baseline: Mapping[str, float]
    alarms: tuple[str, ...]


def feed_quality(
    current_UK: Array,
    baseline_UK: Array,
    watched: Sequence[Array],
    train: Interactions,
    genres_VG: Array,
    quality_path: Path | None = None,
    diversity_path: Path | None = None,
) -> FeedQuality:
    """Compare two sets of lists, given as rows of the catalog, best first, padded with -1.

    Two pages, as Evidently counts every row of a reference as recommended, also the missed videos that NDCG needs.
    """
    k = current_UK.shape[1]
    features = [f"genre_{g}" for g in range(genres_VG.shape[1]) if genres_VG[:, g].any()]
    used = genres_VG[:, [int(name.split("_")[1]) for name in features]].astype(np.float32)
    used = np.concatenate([used, np.zeros((k, len(features)), np.float32)])  # the empty places of short lists
    definition = DataDefinition(
        numerical_columns=features,
        ranking=[
            Recsys(
                user_id="user_id",
                item_id="item_id",
                target="target",
                prediction="prediction",
                recommendations_type="score",
            )
        ],
    )
    history = _with_genres(
        pd.DataFrame({"user_id": train.users, "item_id": train.videos, "target": 1, "prediction": 0.0}), used, features
    )
    sides = (current_UK, baseline_UK)
    judged = [_frame(items_UK, watched, used, features, with_missed=True) for items_UK in sides]
    found = snapshot([NDCG(k=k), HitRate(k=k)], definition, judged[0], judged[1], path=quality_path)
    lists = [_frame(items_UK, watched, used, features, with_missed=False) for items_UK in sides]
    lists[1]["user_id"] += len(watched)  # Diversity ranks both frames in one; a shared id would mix their lists
    drawn = [Diversity(k=k, item_features=features)] if features and len(genres_VG) <= MAX_PAIRWISE_VIDEOS else []
    metrics = [
        Personalization(k=k),
        Novelty(k=k),
        *(PopularityBiasMetric(k=k, metric=measure) for measure in ("arp", "coverage", "gini")),
    ]
    found += snapshot([*metrics, *drawn], definition, lists[0], lists[1], history, diversity_path)
    current = {**_measures(found, "value", k), **_diversity(current_UK, genres_VG)}
    baseline = {**_measures(found, "reference", k), **_diversity(baseline_UK, genres_VG)}
    return FeedQuality(current, baseline, _alarms(current, baseline, k))


def intra_list_distance(items_UK: Array, genres_VG: Array) -> float:
    """Mean cosine distance between the genres of two videos of one list (ILD), over the users with two or more."""
    norms = np.linalg.norm(genres_VG, axis=1, keepdims=True)
    unit_VG = np.divide(genres_VG, norms, out=np.zeros(genres_VG.shape), where=norms > 0)
    means = []
    for items in items_UK:
        chosen = unit_VG[items[items >= 0]]
        n = len(chosen)
        if n > 1:
            squares = (chosen * chosen).sum()  # 1 for each video with a genre, 0 for one without
            means.append(1.0 - (np.square(chosen.sum(axis=0)).sum() - squares) / (n * (n - 1)))
    return float(np.mean(means)) if means else 0.0


def _frame(
    items_UK: Array, watched: Sequence[Array], used_VG: Array, features: Sequence[str], with_missed: bool
) -> pd.DataFrame:
    """One row per recommended video; behind the list one per watched video it missed, where the ideal list is needed.

    An empty place of a short list is a video that nobody knows, else a missed one would take it. Ids are numbers on
    purpose: Evidently turns digits in strings into numbers in some places and not in others.
    """
    k = items_UK.shape[1]
    items_UK = np.where(items_UK >= 0, items_UK, len(used_VG) - k + np.arange(k))
    users, items, ranks, targets = [], [], [], []
    for user, listed in enumerate(items_UK):
        missed = np.setdiff1d(watched[user], listed) if with_missed else np.array([], dtype=np.int64)
        both = np.concatenate([listed, missed])
        users.append(np.full(len(both), user))
        items.append(both)
        ranks.append(np.arange(len(both)))
        targets.append(np.isin(both, watched[user]))
    columns = {
        "user_id": np.concatenate(users),
        "item_id": np.concatenate(items),
        "target": np.concatenate(targets).astype(np.int64),
        "prediction": -np.concatenate(ranks).astype(np.float64),
    }
    return _with_genres(pd.DataFrame(columns), used_VG, features)


def _with_genres(frame: pd.DataFrame, used_VG: Array, features: Sequence[str]) -> pd.DataFrame:
    genres = pd.DataFrame(used_VG[frame["item_id"].to_numpy()], columns=list(features))
    return pd.concat([frame.reset_index(drop=True), genres], axis=1)


def _measures(found: Sequence[Mapping[str, Any]], side: str, k: int) -> dict[str, float]:
    names = {
        "NDCG": f"ndcg_at_{k}",
        "HitRate": f"hit_rate_at_{k}",
        "Personalization": "personalization",
        "Novelty": "novelty_bits",
        "arp": "mean_popularity",
        "coverage": "coverage",
        "gini": "gini",
    }
    measured = {}
    for metric in found:
        kind = metric["config"].get("metric") or metric["config"]["type"].rsplit(":", 1)[1]
        value = metric[side]
        if kind in names:  # a top-k table's ranks are labelled one too high for NDCG: its k-th row is the value at k
            measured[names[kind]] = float(list(value["value"].values())[k - 1] if isinstance(value, dict) else value)
    return measured


def _diversity(items_UK: Array, genres_VG: Array) -> dict[str, float]:
    distinct = [np.count_nonzero(genres_VG[items[items >= 0]].any(axis=0)) for items in items_UK]
    return {
        "intra_list_distance": intra_list_distance(items_UK, genres_VG),
        "genres_per_list": float(np.mean(distinct)) if distinct else 0.0,
    }


def _alarms(current: Mapping[str, float], baseline: Mapping[str, float], k: int) -> tuple[str, ...]:
    checks = {
        f"NDCG@{k} is no better than popularity's": current[f"ndcg_at_{k}"] <= baseline[f"ndcg_at_{k}"],
        "nearly the same videos for everyone": current["personalization"] < MIN_PERSONALIZATION,
        f"fewer than {MIN_GENRES_PER_LIST:g} genres in a list": current["genres_per_list"] < MIN_GENRES_PER_LIST,
    }
    return tuple(name for name, wrong in checks.items() if wrong)
