"""The protocols by which retrieval is judged, each fixed in a file of training/configs, and the table they give.

Ranks are over the full catalog, never sampled; what a viewer has watched is left out; every row of the table answers
the same question.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from feature_repo.home import Home
from feature_repo.lake import Lake
from feature_repo.progress import SILENT, Progress
from models.item_cf import ItemNeighbours
from models.popularity import Popularity
from models.two_tower import RetrievalModel
from training.baselines import EASE, EASE_BELOW, ByPopularity, ByTwoTower, ItemKNN, Retriever
from training.build_index import video_vectors
from training.metrics import hits as hits_of
from training.metrics import ranking_metrics, recall_at, top_k
from training.splits import Holdout, leave_last, next_watches, sequences, time_cuts, watches

Array = np.ndarray[Any, Any]
Figures = dict[str, float | None]
CONFIGS = Path(__file__).parent / "configs"
LIST_LENGTH = 50
BATCH = 512  # viewers whose scores are held at once


@dataclass(frozen=True)
class Protocol:
    name: str
    split: Literal["time", "leave_last"]
    min_count: int = 1
    max_viewers: int = 10_000
    seed: int = 0  # of which viewers are asked about, where there are more

    @classmethod
    def load(cls, name: str) -> Protocol:
        """A file of training/configs by its name: "a1" or "time"."""
        return cls(**tomllib.loads((CONFIGS / f"{name}.toml").read_text()))

    @classmethod
    def for_split(cls, split: str) -> Protocol:
        """The protocol that tests a model trained with this split on watches it has not seen."""
        return cls.load("a1" if split == "leave_last" else "time")


@dataclass(frozen=True)
class Question:
    """Who is asked about, over which catalog, and what the baselines may learn from."""

    asked: Holdout
    video_ids: list[str]
    histories: list[list[str]]  # of everybody
    known: list[tuple[str, int]]  # (video, time) of every watch that came before the test
    now_us: int


def question(home: Home, protocol: Protocol) -> Question:
    lake = Lake(home)
    events = lake.events()
    watched, cuts = watches(lake, events), time_cuts(lake, events)
    if protocol.split == "time":
        before = sequences(watched, cuts.t2_us)
        asked, now_us = next_watches(watched, cuts.t2_us, cuts.end_us), cuts.t2_us
        video_ids: list[str] = lake.videos()["video_id"].to_pylist()
    else:
        before, asked = leave_last(sequences(watched).with_frequent(protocol.min_count), 1)
        now_us = cuts.end_us
        wanted = {video_id for targets in asked.targets for video_id in targets}
        video_ids = sorted(wanted | set(before.video_ids))
    if len(asked) > protocol.max_viewers:
        rng = np.random.default_rng(protocol.seed)
        asked = asked.take(np.sort(rng.choice(len(asked), protocol.max_viewers, replace=False)))
    known = list(zip(before.video_ids.tolist(), before.timestamps_us.tolist(), strict=True))
    return Question(asked, video_ids, before.histories(), known, now_us)


def retrieval_figures(
    home: Home, retrieval: RetrievalModel, protocol: Protocol, progress: Progress = SILENT
) -> dict[str, Figures]:
    """Model -> its row: two_tower, ease, item_knn, popularity_7d, popularity. EASE only where its matrix fits."""
    with progress.task("the retrieval question"):
        asks = question(home, protocol)
        retrievers = _retrievers(home, retrieval, asks)
    rows: dict[str, Figures] = {}
    trained = set(retrieval.video_ids)
    new = np.array([video_id not in trained for video_id in asks.video_ids])
    with progress.task("ranking the catalog for every viewer asked about", total=len(retrievers)) as advance:
        for name, retriever in retrievers.items():
            rows[name] = measure(retriever, asks.asked, asks.video_ids, new)
            advance(1)
    return rows


def measure(retriever: Retriever, asked: Holdout, video_ids: Sequence[str], new: Array | None = None) -> Figures:
    """One row of the table. `new` (V,) marks videos that no model was trained on; their own recall is a column."""
    row_of = {video_id: row for row, video_id in enumerate(video_ids)}
    # A target outside the catalog cannot be found; -1 keeps it among the targets.
    targets = [[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets]
    lists_BK = best_lists(retriever, asked, row_of)
    figures: Figures = {"viewers": float(len(asked)), **ranking_metrics(lists_BK, targets, len(video_ids))}
    figures["recall_at_50_new"] = None
    if new is not None and new.any():
        wanted_new = [[row for row in wanted if row >= 0 and new[row]] for wanted in targets]
        counts = np.array([len(wanted) for wanted in wanted_new])
        if counts.any():
            found = recall_at(hits_of(lists_BK, wanted_new), counts, LIST_LENGTH)
            figures["recall_at_50_new"] = float(found[counts > 0].mean())
    return figures


def best_lists(retriever: Retriever, asked: Holdout, row_of: dict[str, int]) -> Array:
    """(B, LIST_LENGTH) rows of the catalog, best first, without what each viewer has watched."""
    lists = []
    for start in range(0, len(asked), BATCH):
        part = asked.take(range(start, min(start + BATCH, len(asked))))
        score_BV = np.array(retriever.scores(part), dtype=np.float32)
        for at, history in enumerate(part.histories):
            score_BV[at, [row_of[video_id] for video_id in history if video_id in row_of]] = -np.inf
        lists.append(top_k(score_BV, LIST_LENGTH))
    return np.concatenate(lists)


def _retrievers(home: Home, retrieval: RetrievalModel, asks: Question) -> dict[str, Retriever]:
    ids, vectors = video_vectors(home, retrieval)
    row_of = {video_id: row for row, video_id in enumerate(ids)}
    video_VD = vectors[[row_of[video_id] for video_id in asks.video_ids]]
    popularity = Popularity.fit(asks.known, asks.now_us)
    retrievers: dict[str, Retriever] = {"two_tower": ByTwoTower(retrieval, video_VD)}
    if len(asks.video_ids) < EASE_BELOW:
        retrievers["ease"] = EASE.fit(asks.video_ids, asks.histories)
    retrievers["item_knn"] = ItemKNN.of(asks.video_ids, ItemNeighbours.fit(asks.histories))
    retrievers["popularity_7d"] = ByPopularity(asks.video_ids, popularity, recent=True)
    retrievers["popularity"] = ByPopularity(asks.video_ids, popularity)
    return retrievers
