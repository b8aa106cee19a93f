"""Measures the candidate models against simple baselines on the held-out last window: `marquee evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_repo.core.errors import HomeError
from feature_repo.core.files import reading
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import Section, read
from feature_repo.lake.cut import cut_of
from models.ranking.ranker import RankerModel
from models.release.manifest import ArtifactError
from models.release.parts import trained_ranker, trained_two_tower
from models.retrieval.artifact import RetrievalModel
from training.data.dataset import RankingRows, ranking_rows
from training.data.splits import time_cuts
from training.fit.calibrate import page_order
from training.fit.trees import read_booster, tree_features
from training.judge.protocols.reading import read_protocol
from training.judge.protocols.retrieval import retrieval_figures, run_retrieval
from training.judge.protocols.retrieval_config import RetrievalProtocol
from training.measure.metrics import auc, ece, gauc, log_loss
from training.record.results import Results, record
from training.record.training_facts import TwoTowerTraining
from training.release.evaluation import Evaluation, Figures, candidate_ids, require_models

if TYPE_CHECKING:
    from lightgbm import Booster

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EvaluationConfig:
    seed: int = 0
    max_rows: int = 30_000  # exposures of the test window, drawn as whole requests
    max_viewers: int = 6_040


EVALUATION = Section("evaluation", EvaluationConfig, "marquee evaluate")


def evaluate(home: Home, progress: Progress = SILENT, config: EvaluationConfig | None = None) -> Evaluation:
    """Measure the models of HOME/models and write the figures beside them (training/release/evaluation.py)."""
    config = config or read(EVALUATION, home.root)
    require_models(home)
    retrieval, ranker = trained_two_tower(home.models), trained_ranker(home.models)
    trees = _baseline(home)
    metrics: dict[str, dict[str, Figures]] = {
        "retrieval": retrieval_figures(home, retrieval, _protocol(home, config), progress),
        "ranking": ranking_figures(home, retrieval, ranker, trees, config, progress),
    }
    columns = {name: dict.fromkeys(figure for row in rows.values() for figure in row) for name, rows in metrics.items()}
    evaluation = Evaluation(
        tables={
            name: [
                {"model": model, **{figure: row.get(figure) for figure in columns[name]}} for model, row in rows.items()
            ]
            for name, rows in metrics.items()
        },
        metrics=metrics,
        models=candidate_ids(home),
    )
    evaluation.write(home.models)
    return evaluation


def evaluate_protocol(
    home: Home,
    file: str,
    command: str,
    progress: Progress = SILENT,
    seeds: Sequence[int] | None = None,
    models: Sequence[str] | None = None,
) -> Results:
    """Run the unfinished part of a protocol file and record all of it under HOME/quality (training/record/results.py).

    The file's `kind` says what is measured. Raises HomeError for a file, a model or a home that does not fit.
    """
    results = _judge(home, file, command, progress, seeds, models)
    record(home, results)
    return results


def _judge(
    home: Home,
    file: str,
    command: str,
    progress: Progress,
    seeds: Sequence[int] | None,
    models: Sequence[str] | None,
) -> Results:
    protocol = read_protocol(file)
    kind = protocol.get("kind")
    if kind == "retrieval":
        return run_retrieval(home, protocol, command, progress, seeds, models)
    if models:
        raise HomeError(f"protocol {file}: models can be chosen where the kind is retrieval; it is {kind}")
    if seeds:
        protocol = {**protocol, "seeds": list(seeds)}
    if kind == "ranking":
        from training.judge.protocols.ranking import run_ranking

        return run_ranking(home, protocol, command, progress)
    if kind == "sources":
        from training.judge.protocols.sources import run_sources

        return run_sources(home, protocol, command, progress)
    raise HomeError(f"protocol {file}: expected the kind retrieval, ranking or sources, found {kind!r}")


def _protocol(home: Home, config: EvaluationConfig) -> RetrievalProtocol:
    """The protocol that tests the two-tower model on watches held out by the split it was trained with."""
    trained = TwoTowerTraining.read(home.models / "two_tower")
    return replace(RetrievalProtocol.for_split(trained.split), max_viewers=config.max_viewers, seed=config.seed)


def _baseline(home: Home) -> Booster:
    file = home.models / "ranker_baseline" / "lightgbm.txt"
    with reading(file, "the ranker's baseline", "run `marquee train ranker` again", ArtifactError):
        return read_booster(file)


def ranking_figures(
    home: Home,
    retrieval: RetrievalModel,
    ranker: RankerModel,
    trees: Booster,
    config: EvaluationConfig,
    progress: Progress = SILENT,
) -> dict[str, Figures]:
    """How well models order the exposures of the test window by clicks; the ranker as served, with position unknown."""
    cuts = time_cuts(cut_of(home))
    rows = ranking_rows(home, cuts.t2_us, cuts.end_us, retrieval, config.max_rows, config.seed, progress)
    scored = ranker.score(rows.columns)
    order = page_order(scored["score"], rows.columns["two_tower_score"], ranker.retrieval)
    watched = rows.labels["watch_seconds"]
    return {
        "ranker": {
            **_click_figures(rows, scored["p_click"], probability=True),
            "auc_complete": auc(rows.labels["complete"], scored["p_complete"]),
            "auc_like": auc(rows.labels["like"], scored["p_like"]),
            "watch_seconds_mae": float(np.abs(scored["watch_seconds"] - watched).mean()),
        },
        "page_order": _click_figures(rows, order, probability=False),
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
