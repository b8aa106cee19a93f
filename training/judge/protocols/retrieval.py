"""Retrieval judged by a protocol that a file of training/configs fixes: what is asked, who answers, by which settings.

Ranks are over the full catalog, never sampled; what a viewer has watched is left out; every model answers the same
questions. Settings are chosen on the validation question alone. A finished (model, seed) is kept and not run again.

B questions, U viewers, V videos of the catalog, K places of a list.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, get_type_hints

import numpy as np

from feature_repo.compute.crosses import multi_hot
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Advance, Progress
from feature_repo.core.revision import git_revision
from feature_repo.core.toml import read_as
from feature_repo.lake.tables import Lake
from models.retrieval.content import ContentEncoding
from models.retrieval.two_tower import RetrievalModel
from training.data.questions import Question, QuestionConfig, Questions
from training.data.read_questions import questions_of
from training.data.splits import Holdout, Sequences
from training.data.video_vectors import content_columns
from training.fit.two_tower import fit_and_keep
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import TrainingData
from training.judge.baselines import (
    BASELINES,
    FITTED,
    SEEDED,
    ByTwoTower,
    Known,
    Retriever,
    Settings,
    check_grid,
    fit_baseline,
    fits,
    watched_matrix,
    with_half_life,
)
from training.judge.protocols.reading import declared, read_protocol
from training.measure.metrics import (
    by_unit,
    coverage,
    genre_shares,
    gini,
    ild_at,
    miscalibration,
    novelty_at,
    ranking_figures,
    recall_at,
    top_k,
)
from training.measure.metrics import hits as hits_of
from training.record.results import Results, Run, RunStore, fingerprint

Array = np.ndarray[Any, Any]
Figures = dict[str, float | None]
LIST_LENGTH = 50
BATCH = 512  # viewers whose scores are held at once
TEXT_DIMENSIONS = 64
CHOSEN_BY = "ndcg_at_10"
IN_EVALUATION = ("ease", "ials", "item_knn", "popularity_7d", "popularity")  # beside the home's own model


@dataclass(frozen=True)
class Protocol(QuestionConfig):
    """`models` are two-tower models by name, each with what it changes of `two_tower`, which changes the recipe of the
    home's world; `baselines` names baselines, each with its grid of settings ([{}]: nothing to choose)."""

    name: str = ""
    reference: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    two_tower: Settings = field(default_factory=dict)
    models: Mapping[str, Settings] = field(default_factory=dict)
    baselines: Mapping[str, Sequence[Settings]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        read_as(TwoTowerConfig, self.two_tower, "two_tower")
        for name, settings in self.models.items():
            read_as(TwoTowerConfig, {**self.two_tower, **settings}, f"models.{name}")
        for name, grid in self.baselines.items():
            check_grid(name, grid)
            hints = get_type_hints(FITTED[name])
            for at, point in enumerate(grid):
                for setting, value in point.items():
                    read_as(hints[setting], value, f"baselines.{name}[{at}].{setting}")
        if set(BASELINES) & set(self.models) or self.reference not in self.names or not self.seeds or not self.name:
            raise ValueError(
                f"expected a name, some seeds, models with names other than {', '.join(BASELINES)}, and a reference"
                f" among {', '.join(self.names)}; found {self.reference!r}"
            )

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Protocol:
        """From the fields of a protocol file. Raises HomeError, naming what is wrong in it."""
        return declared(cls, said, "retrieval")

    @classmethod
    def load(cls, name: str) -> Protocol:
        return cls.of(read_protocol(name))

    @classmethod
    def for_split(cls, split: str) -> Protocol:
        """The protocol that tests a model trained with this split on watches it has not seen, over all that is served:
        a model may leave out what few have watched, a home page has it."""
        return replace(cls.load("a1" if split == "leave_last" else "time"), min_count=1)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.baselines, *self.models)


def run(
    home: Home,
    said: Mapping[str, Any],
    command: str,
    progress: Progress = SILENT,
    seeds: Sequence[int] | None = None,
    models: Sequence[str] | None = None,
) -> Results:
    """Run what is not finished of a protocol: all of it, or some `models` and `seeds`. Gives every finished run.

    Writes runs under HOME/quality/PROTOCOL, models under HOME/quality/two_tower. A stopped training goes on from its
    last epoch.
    """
    protocol = Protocol.of(said)
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


class Bench:
    """One protocol on one home: fits models and lets them answer."""

    def __init__(self, home: Home, protocol: Protocol, split: Questions) -> None:
        self.home, self.protocol, self.split = home, protocol, split
        self.answers = [Answers(home, question, split) for question in split.questions]
        self._content_VF: Array | None = None

    def certain(self, model: str) -> bool:
        """Nothing in it is random."""
        return model in self.protocol.baselines and model not in SEEDED

    def store(self, model: str) -> RunStore:
        """Of runs under exactly these settings, on exactly this data and question."""
        own = self.protocol.baselines.get(model) or self.config(model, 0).chosen()
        asks = {item.name: getattr(self.protocol, item.name) for item in fields(QuestionConfig)}
        return RunStore(self.home, self.protocol.name, fingerprint([asks, self.split.data_hash, model, own]))

    def config(self, model: str, seed: int) -> TwoTowerConfig:
        """Nothing is refitted on the validation part unless the protocol says so."""
        given = {"refit_epochs": 0, **self.protocol.two_tower, **self.protocol.models[model]}
        split = "leave_last" if self.protocol.split == "leave_last" else "time"
        return TwoTowerConfig.for_world(self.home.world(), **{**given, "split": split, "seed": seed})

    def run(self, model: str, seed: int | None, progress: Progress) -> Run:
        """Finished before, or fitted and measured now."""
        store = self.store(model)
        if (kept := store.get(model, seed)) is not None:
            return kept
        if not fits(model, len(self.split.catalog)):
            done = Run(model, seed, {}, settings={"skipped": f"{len(self.split.catalog)} videos are too many for it"})
            store.put(done)
            return done
        started = time.process_time()
        before = 0.0
        if model in self.protocol.models:
            retriever, settings, before = self._two_tower(model, seed or 0, progress)
        else:
            retriever, settings = self._baseline(model, seed or 0, progress)
        figures: Figures = {}
        per_unit: dict[str, Array] = {}
        with progress.task(f"{model} answers", total=sum(len(own.question.asked) for own in self.answers)) as advance:
            for own in self.answers:
                lists_BK = best_lists(retriever, own.question.asked, own.row_of, advance)
                own.measure(lists_BK, figures, per_unit)
        seconds = before + time.process_time() - started
        done = Run(model, seed, figures, per_unit, settings, seconds, git_revision())
        store.put(done)
        return done

    def _two_tower(self, model: str, seed: int, progress: Progress) -> tuple[Retriever, dict[str, Any], float]:
        """The model, how it was made, and the CPU-seconds that went into it before now."""
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

    def by_two_tower(self, retrieval: RetrievalModel) -> Retriever:
        return ByTwoTower.of(self.home, retrieval, self.split.catalog)

    def _baseline(self, model: str, seed: int, progress: Progress) -> tuple[Retriever, dict[str, Any]]:
        """Chosen with the first seed of the protocol on the validation question, then fitted to all that is known."""
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
        targets = _targets(self.split.valid, row_of)
        known = self.known(self.split.train, self.split.train_until_us)
        fitted: dict[str, Retriever] = {}  # points that differ only in how a history is read share their fit
        found = []
        with progress.task(f"the grid of {model}", total=len(grid)) as advance:
            for point in grid:
                own = {name: value for name, value in point.items() if name != "half_life"}
                key = fingerprint([own])
                if key not in fitted:
                    fitted = {key: fit_baseline(model, known, own, self.protocol.seeds[0])}
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


class Answers:
    """What the lists of one question are measured with."""

    def __init__(self, home: Home, question: Question, split: Questions) -> None:
        self.question, self.unit_B = question, question.units()
        self.row_of = {video_id: row for row, video_id in enumerate(split.catalog)}
        self.targets = _targets(question.asked, self.row_of)
        genres_of = dict(zip(*(Lake(home).videos()[name].to_pylist() for name in ("video_id", "genres")), strict=True))
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
        """Of lists whatever was asked; by genre where the catalog has any."""
        found = {"novelty": novelty_at(first_BK, self.watchers_V, self.viewers, 10)}
        if not self.genres_VG.any():
            return found
        parts = np.array_split(first_BK, max(len(first_BK) // BATCH, 1))
        list_BG = np.concatenate([genre_shares(part, self.genres_VG) for part in parts])
        diversity_B = np.concatenate([ild_at(part, self.genres_VG, 10) for part in parts])
        return {"ild": diversity_B, **found, "miscalibration": miscalibration(self.history_BG, list_BG)}

    @cached_property
    def history_BG(self) -> Array:
        """(B, G) shares of the genres of what was watched."""
        alone_VG = genre_shares(np.arange(len(self.genres_VG))[:, None], self.genres_VG)
        total_BG = np.asarray(watched_matrix(self.question.asked.histories, self.row_of) @ alone_VG)
        sum_B1 = total_BG.sum(axis=1, keepdims=True)
        shares_BG: Array = np.divide(total_BG, sum_B1, out=np.zeros(total_BG.shape), where=sum_B1 > 0)
        return shares_BG


def pairs(watched: Sequences) -> list[tuple[str, int]]:
    """(video, microseconds) of every watch."""
    return list(zip(watched.video_ids.tolist(), watched.timestamps_us.tolist(), strict=True))


def best_lists(
    retriever: Retriever, asked: Holdout, row_of: Mapping[str, int], advance: Advance = lambda rows: None
) -> Array:
    """(B, LIST_LENGTH) rows of the catalog, best first, without what each viewer has watched; -1: nothing is left."""
    lists = []
    for start in range(0, len(asked), BATCH):
        part = asked.take(range(start, min(start + BATCH, len(asked))))
        score_BV = np.array(retriever.scores(part), dtype=np.float32)
        for at, history in enumerate(part.histories):
            score_BV[at, [row_of[video_id] for video_id in history if video_id in row_of]] = -np.inf
        best_BK = top_k(score_BV, LIST_LENGTH)
        lists.append(np.where(np.take_along_axis(score_BV, best_BK, axis=1) > -np.inf, best_BK, -1))
        advance(len(part))
    return np.concatenate(lists)


def content_vectors(home: Home, video_ids: Sequence[str], until_us: int) -> Array:
    """(V, F) unit vectors of what videos are, in the words of what had been published by then."""
    videos = Lake(home).videos()
    columns = content_columns(videos, home.world())
    published = videos["published_timestamp_us"].to_numpy() < until_us
    encoding = ContentEncoding.fit({name: column[published] for name, column in columns.items()}, TEXT_DIMENSIONS)
    row_of = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
    at = np.array([row_of[video_id] for video_id in video_ids], dtype=np.int64)
    return encoding.similarity_vectors({name: column[at] for name, column in columns.items()})


# --- one model on the test question ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstQuestion:
    """The first test question of a protocol: who is asked about, over which catalog, and what came before."""

    asked: Holdout
    video_ids: list[str]
    known: list[tuple[str, int]]  # (video, time) of every watch that came before the test
    now_us: int


def first_question(home: Home, protocol: Protocol) -> FirstQuestion:
    split = questions_of(home, protocol)
    return FirstQuestion(split.questions[0].asked, split.catalog, pairs(split.known), split.known_until_us)


def retrieval_figures(
    home: Home, retrieval: RetrievalModel, protocol: Protocol, progress: Progress = SILENT
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
    """Of the videos that no model was trained on."""
    wanted_new = [[row for row in wanted if row >= 0 and new[row]] for wanted in targets]
    counts = np.array([len(wanted) for wanted in wanted_new])
    if not counts.any():
        return None
    found = recall_at(hits_of(lists_BK, wanted_new), counts, LIST_LENGTH)
    return float(found[counts > 0].mean())


def _targets(asked: Holdout, row_of: Mapping[str, int]) -> list[list[int]]:
    """A target outside the catalog cannot be found; -1 keeps it among the targets."""
    return [[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets]
