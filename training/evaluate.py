"""Measure the candidate models on the untouched last window, beside the simplest alternatives: `marquee evaluate`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.home import Home, HomeError, write_atomic
from feature_repo.lake import Lake
from feature_repo.progress import SILENT, Progress
from models.item_cf import ItemNeighbours
from models.popularity import Popularity
from models.ranker import RankerModel
from models.two_tower import RetrievalModel
from training.baselines import EASE, EASE_BELOW, ByPopularity, ByTwoTower, ItemKNN, Retriever
from training.build_index import video_vectors
from training.dataset import RankingRows, ranking_rows
from training.metrics import auc, ece, gauc, log_loss, ranking_metrics, top_k
from training.release import MODELS, candidate_ids
from training.splits import Holdout, Sequences, leave_last, next_watches, sequences, time_cuts, watches
from training.train_ranker import tree_features

Array = np.ndarray[Any, Any]
Figures = dict[str, float | None]
DEPTH, VIEWERS_AT_ONCE = 50, 1024


@dataclass(frozen=True)
class EvaluationConfig:
    seed: int = 0
    max_rows: int = 30_000  # exposures of the test window, drawn as whole requests
    max_viewers: int = 6_040


def evaluate(home: Home, progress: Progress = SILENT, config: EvaluationConfig | None = None) -> dict[str, Any]:
    """Write HOME/models/evaluation.json: `tables` to print, `metrics` for the gates, `models` it was measured on.

    Nothing in the file depends on the clock, so that the same models have the same evaluation.
    """
    config = config or EvaluationConfig()
    for name in MODELS:
        if not (home.models / name).is_dir():
            raise HomeError(f"no {name} model at {home.models}: run `marquee train` first")
    retrieval = RetrievalModel.load(home.models / "two_tower")
    metrics: dict[str, dict[str, Figures]] = {
        "retrieval": retrieval_figures(home, retrieval, config, progress),
        "ranking": ranking_figures(home, retrieval, config, progress),
    }
    columns = {name: dict.fromkeys(figure for row in rows.values() for figure in row) for name, rows in metrics.items()}
    result = {
        "tables": {
            name: [
                {"model": model, **{figure: row.get(figure) for figure in columns[name]}} for model, row in rows.items()
            ]
            for name, rows in metrics.items()
        },
        "metrics": metrics,
        "models": candidate_ids(home),
    }
    write_atomic(home.models / "evaluation.json", json.dumps(result, indent=1) + "\n")
    return result


def retrieval_figures(
    home: Home, retrieval: RetrievalModel, config: EvaluationConfig, progress: Progress = SILENT
) -> dict[str, Figures]:
    """How well the held-back watches are found among all videos, what was seen before being left out.

    The alternatives are fitted on everything before the question, also on what the two-tower model was not trained on.
    """
    known, asked, end_us, video_ids, video_VD = _question(home, retrieval)
    asked = _sample(asked, config)
    neighbours = ItemNeighbours.fit(known.histories())
    pairs = zip(known.video_ids.tolist(), known.timestamps_us.tolist(), strict=True)
    popularity = Popularity.fit(pairs, end_us)
    retrievers: dict[str, Retriever] = {
        "two_tower": ByTwoTower(retrieval, video_VD),
        "popularity": ByPopularity(video_ids, popularity),
        "popularity_7d": ByPopularity(video_ids, popularity, recent=True),
        "item_knn": ItemKNN.of(video_ids, neighbours),
    }
    if len(video_ids) < EASE_BELOW:
        retrievers["ease"] = EASE.fit(video_ids, known.histories())
    figures: dict[str, Figures] = {}
    with progress.task("retrieval beside its baselines", total=len(retrievers)) as advance:
        for name, retriever in retrievers.items():
            figures[name] = {**_retrieval_figures(retriever, asked, video_ids)}
            advance(1)
    return figures


def _question(home: Home, retrieval: RetrievalModel) -> tuple[Sequences, Holdout, int, list[str], Array]:
    """What is known, what is asked, until when popularity counts, and the catalog with its vectors.

    By the split the model was trained under: a later window over all videos, or each viewer's last watch over the
    videos that were trained on (protocol A1).
    """
    said = json.loads((home.models / "two_tower" / "training.json").read_text())["config"]
    lake = Lake(home)
    watched, cuts = watches(lake), time_cuts(lake)
    if said["split"] == "time":
        known, asked = sequences(watched, cuts.t2_us), next_watches(watched, cuts.t2_us, cuts.end_us)
        return known, asked, cuts.t2_us, *video_vectors(home, retrieval)
    known, asked = leave_last(sequences(watched).with_frequent(said["min_count"]), 1)
    return known, asked, cuts.end_us, retrieval.video_ids, retrieval.item_vectors


def _sample(asked: Holdout, config: EvaluationConfig) -> Holdout:
    if len(asked) <= config.max_viewers:
        return asked
    rng = np.random.default_rng(config.seed)
    return asked.take(np.sort(rng.choice(len(asked), config.max_viewers, replace=False)))


def _retrieval_figures(retriever: Retriever, asked: Holdout, video_ids: list[str]) -> dict[str, float]:
    row_of = {video_id: row for row, video_id in enumerate(video_ids)}
    lists = []
    for start in range(0, len(asked), VIEWERS_AT_ONCE):
        part = asked.take(range(start, min(start + VIEWERS_AT_ONCE, len(asked))))
        score_BV = np.array(retriever.scores(part), dtype=np.float32)
        for row, history in enumerate(part.histories):
            score_BV[row, [row_of[video_id] for video_id in history if video_id in row_of]] = -np.inf
        lists.append(top_k(score_BV, DEPTH))
    # A target outside the catalog cannot be found; -1 keeps it in the count of targets.
    targets = [[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets]
    return ranking_metrics(np.concatenate(lists), targets, len(video_ids))


def ranking_figures(
    home: Home, retrieval: RetrievalModel, config: EvaluationConfig, progress: Progress = SILENT
) -> dict[str, Figures]:
    """How well exposures of the test window are ordered by click: the ranker as served, without the position."""
    import lightgbm

    cuts = time_cuts(Lake(home))
    rows = ranking_rows(home, cuts.t2_us, cuts.end_us, retrieval, config.max_rows, config.seed, progress)
    ranker = RankerModel.load(home.models / "ranker")
    scored = ranker.score(rows.columns)
    trees = lightgbm.Booster(model_file=str(home.models / "ranker_baseline" / "lightgbm.txt"))
    watched = rows.labels["watch_seconds"]
    return {
        "ranker": {
            **_click_figures(rows, scored["p_click"], probability=True),
            "auc_complete": auc(rows.labels["complete"], scored["p_complete"]),
            "auc_like": auc(rows.labels["like"], scored["p_like"]),
            "watch_seconds_mae": float(np.abs(scored["watch_seconds"] - watched).mean()),
        },
        "lightgbm": _click_figures(rows, trees.predict(tree_features(ranker.encoding, rows)), probability=True),
        "retrieval_order": _click_figures(rows, rows.columns["two_tower_score"], probability=False),
        "popularity_7d": _click_figures(rows, rows.columns["trend_7d"], probability=False),
    }


def _click_figures(rows: RankingRows, score: Array, probability: bool) -> Figures:
    clicked = rows.labels["click"]
    return {
        "clicks": float(clicked.sum()),
        "auc": auc(clicked, score),
        "gauc": gauc(clicked, score, rows.user_ids),
        "log_loss": log_loss(clicked, score) if probability else None,
        "ece": ece(clicked, score) if probability else None,
    }
