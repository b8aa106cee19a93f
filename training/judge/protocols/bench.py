"""Run one retrieval protocol on one home: fit the models and measure their lists. A finished (model, seed) is kept.

B questions, V videos of the catalog, K places of a list, F content numbers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from feature_repo.core.home import Home
from feature_repo.core.progress import Progress
from feature_repo.core.revision import git_revision
from feature_repo.lake.cut import cut_of
from models.retrieval.artifact import RetrievalModel
from models.retrieval.cold_start import HALF_LIFE, PLACE
from models.retrieval.content import ContentEncoding
from training.data.questions import QuestionConfig, Questions
from training.data.splits import Sequences
from training.data.video_vectors import content_columns
from training.fit.two_tower import fit_and_keep
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import TrainingData
from training.judge.answers import Answers, Figures, best_lists, targets_of
from training.judge.baselines import (
    SEEDED,
    ByBetterOf,
    ByTwoTower,
    Known,
    Retriever,
    Settings,
    fit_baseline,
    fits,
    with_half_life,
)
from training.judge.protocols.retrieval_config import RetrievalProtocol
from training.measure.metrics import ranking_figures
from training.record.results import Run, RunStore, fingerprint

Array = np.ndarray[Any, Any]
TEXT_DIMENSIONS = 64
CHOSEN_BY = "ndcg_at_10"


class Bench:
    """One protocol on one home: fits and measures its models."""

    def __init__(self, home: Home, protocol: RetrievalProtocol, split: Questions) -> None:
        self.home, self.protocol, self.split = home, protocol, split
        self.answers = [Answers(home, question, split) for question in split.questions]
        self._content_VF: Array | None = None

    def certain(self, model: str) -> bool:
        """Whether the model is deterministic: one seed is enough."""
        return model in self.protocol.baselines and model not in SEEDED

    def store(self, model: str) -> RunStore:
        """The store of runs with exactly these settings, data and question."""
        of = self.protocol.better_of.get(model)
        settings: Any = self.protocol.baselines.get(model) or self.config(of or model, 0).chosen()
        if of is not None:
            settings = [settings, HALF_LIFE, PLACE]
        asks = {item.name: getattr(self.protocol, item.name) for item in fields(QuestionConfig)}
        return RunStore(self.home, self.protocol.name, fingerprint([asks, self.split.data_hash, model, settings]))

    def config(self, model: str, seed: int) -> TwoTowerConfig:
        """The two-tower config of a model; no refit on the validation part unless the protocol asks for one."""
        given = {"refit_epochs": 0, **self.protocol.two_tower, **self.protocol.models[model]}
        split = "leave_last" if self.protocol.split == "leave_last" else "time"
        return TwoTowerConfig.for_world(self.home.world(), **{**given, "split": split, "seed": seed})

    def run(self, model: str, seed: int | None, progress: Progress) -> Run:
        """The finished run from the store, or a new one."""
        store = self.store(model)
        if (kept := store.get(model, seed)) is not None:
            return kept
        if not fits(model, len(self.split.catalog)):
            done = Run(model, seed, {}, settings={"skipped": f"{len(self.split.catalog)} videos are too many for it"})
            store.put(done)
            return done
        started = time.process_time()
        before = 0.0
        of = self.protocol.better_of.get(model, model)
        retriever: Retriever
        if of in self.protocol.models:
            tower, settings, before = self._two_tower(of, seed or 0, progress)
            retriever = tower if of == model else ByBetterOf.of(self.home, tower, self.split.catalog)
        else:
            retriever, settings = self._baseline(model, seed or 0, progress)
        figures: Figures = {}
        per_unit: dict[str, Array] = {}
        with progress.task(
            f"{model} answers", total=sum(len(answers.question.asked) for answers in self.answers)
        ) as advance:
            for answers in self.answers:
                lists_BK = best_lists(retriever, answers.question.asked, answers.row_of, advance)
                answers.measure(lists_BK, figures, per_unit)
        seconds = before + time.process_time() - started
        done = Run(model, seed, figures, per_unit, settings, seconds, git_revision())
        store.put(done)
        return done

    def _two_tower(self, model: str, seed: int, progress: Progress) -> tuple[ByTwoTower, dict[str, Any], float]:
        """The model, its settings, and the CPU-seconds that earlier runs spent on it."""
        config, split = self.config(model, seed), self.split
        everything = split.known if config.refit_epochs else None
        data = TrainingData(split.train, split.valid, split.train_until_us, everything)
        started = time.process_time()
        fitted = fit_and_keep(self.home, config, data, progress)
        trained = fitted.refitted or fitted.model
        before = max(fitted.cpu_seconds - (time.process_time() - started), 0.0)
        settings = {
            "config": asdict(config),
            "epochs": len(fitted.curve),
            "best_epoch": fitted.best_epoch + 1,
            f"validation_{CHOSEN_BY}": fitted.curve[fitted.best_epoch][CHOSEN_BY],
        }
        return self.by_two_tower(trained), settings, before

    def by_two_tower(self, retrieval: RetrievalModel) -> ByTwoTower:
        return ByTwoTower.of(self.home, retrieval, self.split.catalog)

    def _baseline(self, model: str, seed: int, progress: Progress) -> tuple[Retriever, dict[str, Any]]:
        """Settings are chosen with the first seed on the validation question; the fit is to all known data."""
        grid = list(self.protocol.baselines[model])
        known = self.known(self.split.known, self.split.known_until_us)
        finished = (run for other in self.protocol.seeds if (run := self.store(model).get(model, other)))
        settings: dict[str, Any] = {"chosen": grid[0]}
        if len(grid) > 1:
            earlier = next((dict(run.settings) for run in finished), {})
            settings = earlier or self._choose(model, grid, progress)
        return fit_baseline(model, known, settings["chosen"], seed), settings

    def _choose(self, model: str, grid: Sequence[Settings], progress: Progress) -> dict[str, Any]:
        row_of = {video_id: row for row, video_id in enumerate(self.split.catalog)}
        targets = targets_of(self.split.valid, row_of)
        known = self.known(self.split.train, self.split.train_until_us)
        fitted: dict[str, Retriever] = {}  # points that differ only in how a history is read share their fit
        found = []
        with progress.task(f"the grid of {model}", total=len(grid)) as advance:
            for point in grid:
                settings = {name: value for name, value in point.items() if name != "half_life"}
                key = fingerprint([settings])
                if key not in fitted:
                    fitted = {key: fit_baseline(model, known, settings, self.protocol.seeds[0])}
                retriever = fitted[key]
                if "half_life" in point:
                    retriever = with_half_life(retriever, point["half_life"])
                lists_BK = best_lists(retriever, self.split.valid, row_of)
                found.append({**point, CHOSEN_BY: float(ranking_figures(lists_BK, targets)[CHOSEN_BY].mean())})
                advance(1)
        best = int(np.argmax([point[CHOSEN_BY] for point in found]))
        return {"chosen": grid[best], "grid": found}

    def known(self, watched: Sequences, until_us: int) -> Known:
        if self._content_VF is None:
            self._content_VF = content_vectors(self.home, self.split.catalog, self.split.train_until_us)
        return Known(self.split.catalog, watched.histories(), pairs(watched), until_us, self._content_VF)


def pairs(watched: Sequences) -> list[tuple[str, int]]:
    """(video, microseconds) of every watch."""
    return list(zip(watched.video_ids.tolist(), watched.timestamps_us.tolist(), strict=True))


def content_vectors(home: Home, video_ids: Sequence[str], until_us: int) -> Array:
    """(V, F) unit content vectors; the vocabulary is that of videos published by then."""
    videos = cut_of(home).videos()
    columns = content_columns(videos, home.world())
    published = videos["published_timestamp_us"].to_numpy() < until_us
    encoding = ContentEncoding.fit({name: column[published] for name, column in columns.items()}, TEXT_DIMENSIONS)
    row_of = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
    at = np.array([row_of[video_id] for video_id in video_ids], dtype=np.int64)
    return encoding.similarity_vectors({name: column[at] for name, column in columns.items()})
