"""Measure retrieval by a protocol file of training/configs, which fixes questions, models and settings.

Every model gets the same questions. Settings are chosen on the validation question alone.

V videos of the catalog, B questions, K places of a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.revision import git_revision
from models.retrieval.artifact import RetrievalModel
from training.data.read_questions import questions_of
from training.data.splits import Holdout
from training.judge.answers import LIST_LENGTH, Figures, best_lists
from training.judge.baselines import fit_baseline, fits
from training.judge.protocols.bench import Bench, pairs
from training.judge.protocols.retrieval_config import RetrievalProtocol
from training.measure.metrics import hits, recall_at
from training.record.results import Results

Array = np.ndarray[Any, Any]
IN_EVALUATION = ("ease", "ials", "item_knn", "popularity_7d", "popularity")  # beside the home's own model


def run_retrieval(
    home: Home,
    content: Mapping[str, Any],
    command: str,
    progress: Progress = SILENT,
    seeds: Sequence[int] | None = None,
    models: Sequence[str] | None = None,
) -> Results:
    """Run the unfinished part of a protocol, or of some `models` and `seeds`. Returns every finished run.

    Writes runs under HOME/quality/PROTOCOL, models under HOME/quality/two_tower. A stopped training continues after its
    last epoch.
    """
    protocol = RetrievalProtocol.of(content)
    seeds, models = tuple(seeds or protocol.seeds), tuple(models or protocol.names)
    if unknown := [model for model in models if model not in protocol.names]:
        raise HomeError(
            f"protocol {protocol.name} has the models {', '.join(protocol.names)}; found {', '.join(unknown)}"
        )
    with progress.task("reading what was watched"):
        bench = Bench(home, protocol, questions_of(home, protocol))
    if not len(bench.split.valid):
        raise HomeError(f"{home.lake}: expected watches to choose by before those of the test, found none")
    wanted = [(model, seed) for seed in (None, *seeds) for model in models if (seed is None) == bench.certain(model)]
    with progress.task(f"protocol {protocol.name}", total=len(wanted)) as advance:
        for model, seed in wanted:
            bench.run(model, seed, progress)
            advance(1)
    finished = [
        bench.store(model).get(model, seed)
        for model in protocol.names
        for seed in ((None,) if bench.certain(model) else sorted({*protocol.seeds, *seeds}))
    ]
    facts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in bench.split.facts.items())
    return Results(
        protocol=protocol.name,
        question=f"{protocol.split} split: {facts}",
        command=command,
        data_hash=bench.split.data_hash,
        revision=git_revision(),
        reference=protocol.reference,
        runs=tuple(run for run in finished if run is not None),
    )


@dataclass(frozen=True)
class FirstQuestion:
    """The first test question of a protocol: its viewers, the catalog, and the watches before it."""

    asked: Holdout
    video_ids: list[str]
    known: list[tuple[str, int]]  # (video, time) of every watch that came before the test
    now_us: int


def first_question(home: Home, protocol: RetrievalProtocol) -> FirstQuestion:
    split = questions_of(home, protocol)
    return FirstQuestion(split.questions[0].asked, split.catalog, pairs(split.known), split.known_until_us)


def retrieval_figures(
    home: Home, retrieval: RetrievalModel, protocol: RetrievalProtocol, progress: Progress = SILENT
) -> dict[str, Figures]:
    """Model -> its row: the home's two_tower, and the baselines of IN_EVALUATION by the first point of their grids."""
    with progress.task("the retrieval question"):
        bench = Bench(home, protocol, questions_of(home, protocol))
        known = bench.known(bench.split.known, bench.split.known_until_us)
    names = [name for name in IN_EVALUATION if fits(name, len(bench.split.catalog))]
    answers, trained = bench.answers[0], set(retrieval.video_ids)
    new = np.array([video_id not in trained for video_id in bench.split.catalog])
    rows: dict[str, Figures] = {}
    with progress.task("ranking the catalog for every viewer asked about", total=len(names) + 1) as advance:
        for name in ("two_tower", *names):
            two_tower = name == "two_tower"
            retriever = (
                bench.by_two_tower(retrieval) if two_tower else fit_baseline(name, known, protocol.baselines[name][0])
            )
            lists_BK = best_lists(retriever, answers.question.asked, answers.row_of)
            rows[name] = {"viewers": float(len(lists_BK))}
            answers.measure(lists_BK, rows[name], {})
            rows[name]["recall_at_50_new"] = _recall_of_new(lists_BK, answers.targets, new)
            advance(1)
    return rows


def _recall_of_new(lists_BK: Array, targets: Sequence[Sequence[int]], new: Array) -> float | None:
    """Recall of the videos that no model was trained on."""
    wanted_new = [[row for row in wanted if row >= 0 and new[row]] for wanted in targets]
    counts = np.array([len(wanted) for wanted in wanted_new])
    if not counts.any():
        return None
    found = recall_at(hits(lists_BK, wanted_new), counts, LIST_LENGTH)
    return float(found[counts > 0].mean())
