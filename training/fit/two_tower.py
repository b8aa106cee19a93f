"""Train the two-tower model on watch sequences, and with it the item-item neighbours and popularity of a release.

One run gives two models. The chosen one has not seen the test window; figures are measured on it ("judged":
HOME/models/two_tower). The other continues from it for some epochs over everything ("refitted":
HOME/models/two_tower_refit); a release serves it under the plain name and carries the judged one beside it.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.lake.cut import cut_of
from models.encoding.viewer_context import ViewerContextEncoding
from models.release.parts import refitted_name
from models.release.recorded import two_tower_example
from models.retrieval.artifact import RetrievalModel
from models.retrieval.content import ContentEncoding
from training.data.splits import Sequences
from training.data.verdicts import Verdicts
from training.fit.cold_start import ColdStart, choose_cold_start, with_cold_start
from training.fit.loop import Checkpoint
from training.fit.source_questions import SampleConfig
from training.fit.sources import train_sources
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_config import TWO_TOWER_SECTION, TwoTowerConfig
from training.fit.two_tower_data import TrainingData, check_enough, training_data
from training.record.results import fingerprint
from training.record.tracking import TWO_TOWER, TrainingRun, try_tracking
from training.record.training_facts import TwoTowerTraining

FUSION_VIEWERS = 1_000  # at most, of the validation viewers, to fit the fusion of sources on: seconds, not a minute
NO_REFIT: dict[str, Any] = {"refit_epochs": 0, "refit_learning_rate": 0.0}


@dataclass(frozen=True)
class Fitted:
    """One training run. `refitted` continued over all of `TrainingData.everything`."""

    model: RetrievalModel
    refitted: RetrievalModel | None
    curve: list[dict[str, float]]
    best_epoch: int  # from 0
    validation_viewers: int

    @property
    def cpu_seconds(self) -> float:
        return sum(row["cpu_seconds"] for row in self.curve)


def fit(
    home: Home, config: TwoTowerConfig, data: TrainingData, checkpoint: Path, progress: Progress = SILENT
) -> Fitted:
    """Train on `data` and the content of the home's videos; writes nothing but the directory `checkpoint`.

    A stopped run continues from there. Raises HomeError when there is too little to learn from.
    """
    check_enough(home, config, data.train)
    verdicts = Verdicts.of(cut_of(home), data.train)
    told = _fingerprint(home, replace(config, **NO_REFIT), data.train, verdicts)
    chosen = Checkpoint(checkpoint / "chosen", told)
    # Fitted once: with another number of threads, rounding may rotate the last dimensions of a truncated SVD.
    content = ContentEncoding.load(chosen.directory) if chosen.exists() else None
    viewer_context = ViewerContextEncoding.load(chosen.directory) if chosen.exists() and config.asker else None
    trainer = Trainer(home, config, data, content, viewer_context, verdicts=verdicts)
    chosen.beside = trainer.save_encodings
    state = trainer.fit(chosen).run("training the two-tower model", progress)
    refitted = None
    if data.everything is not None and config.refit_epochs:
        verdicts = Verdicts.of(cut_of(home), data.everything)
        known = trainer.content, trainer.viewer_context, trainer.contexts, verdicts
        whole = Trainer(home, config, replace(data, train=data.everything), *known)
        whole.go_on_from(trainer)
        refitted_on = _fingerprint(home, config, data.everything, verdicts)
        kept = Checkpoint(checkpoint / "refit", f"{chosen.fingerprint} {refitted_on}")
        whole.refit(kept).run("refitting it on everything", progress)
        refitted = whole.export()
    return Fitted(trainer.export(), refitted, state.curve, state.best, len(trainer.validation.asked))


def fit_and_keep(home: Home, config: TwoTowerConfig, data: TrainingData, progress: Progress = SILENT) -> Fitted:
    """`fit` with its last checkpoint kept in HOME/quality/two_tower, so that protocols can share a trained model.

    The folder's name covers the validation question and the time until which content was known, too.
    """
    chose = [data.valid.user_ids, data.valid.targets, data.valid.now_us, data.known_until_us]
    verdicts = Verdicts.of(cut_of(home), data.train)
    place = fingerprint([_fingerprint(home, replace(config, **NO_REFIT), data.train, verdicts), *chose])
    return fit(home, config, data, home.root / "quality" / "two_tower" / place, progress)


def train_two_tower(home: Home, config: TwoTowerConfig | None = None, progress: Progress = SILENT) -> dict[str, Any]:
    """Write HOME/models/two_tower, two_tower_refit (what a release serves), item_cf and popularity.

    A stopped run continues after its last epoch. Raises HomeError when there is too little to learn from.
    """
    config = config or read(TWO_TOWER_SECTION, home.root)
    started = time.perf_counter()
    with progress.task("reading watch sequences"):
        data = training_data(home, config)
    checkpoint = home.models / ".two_tower.checkpoint"
    fitted = fit(home, config, data, checkpoint, progress)
    with progress.task("choosing the share of content for rarely watched videos"):
        asked = data.valid.draw(config.max_validation_viewers)
        choice = choose_cold_start(home, fitted.model, data.train, asked)
        fitted = _as_chosen(home, fitted, data, choice)
    facts = _facts(home, config, data, fitted, choice)
    for name, model in (("two_tower", fitted.model), (refitted_name("two_tower"), fitted.refitted)):
        if model is None:
            shutil.rmtree(home.models / name, ignore_errors=True)
            continue
        with atomic_directory(home.models / name) as directory:
            model.save(directory)
            facts.write(directory)
    fusing = min(FUSION_VIEWERS, config.max_validation_viewers)
    train_sources(home, fitted.model, SampleConfig(config.split, config.min_count, fusing), progress)
    with progress.task("recording the run in MLflow"):
        version, problem = try_tracking(home, lambda mlflow: mlflow.log_training(_run(home, fitted, config, facts)))
    shutil.rmtree(checkpoint, ignore_errors=True)
    return {
        **{name: value for name, value in facts.to_json().items() if name != "config"},
        "curve": fitted.curve,
        "mlflow_version": version,
        "mlflow_problem": problem,
        "cpu_seconds": fitted.cpu_seconds,
        "seconds": time.perf_counter() - started,
    }


def _as_chosen(home: Home, fitted: Fitted, data: TrainingData, choice: ColdStart) -> Fitted:
    refitted = fitted.refitted
    if refitted is not None and data.everything is not None:
        refitted = with_cold_start(home, refitted, data.everything, choice)
    return replace(fitted, model=with_cold_start(home, fitted.model, data.train, choice), refitted=refitted)


def _fingerprint(home: Home, config: TwoTowerConfig, trained_on: Sequences, verdicts: Verdicts) -> str:
    """A hash of everything that the weights depend on."""
    weights = config.finished_weight, config.broken_weight  # also as defaults, which have not always been these
    return fingerprint([config.chosen(), weights, trained_on.digest(cut_of(home)), verdicts.digest()])


def _facts(
    home: Home, config: TwoTowerConfig, data: TrainingData, fitted: Fitted, choice: ColdStart
) -> TwoTowerTraining:
    timed = ("seconds", "cpu_seconds")
    curve = [{name: value for name, value in row.items() if name not in timed} for row in fitted.curve]
    return TwoTowerTraining(
        config=asdict(config),
        split=config.split,
        viewers=len(data.train),
        watches=len(data.train.video_ids),
        videos=len(fitted.model.video_ids),
        validation_viewers=fitted.validation_viewers,
        epochs=len(curve),
        best_epoch=fitted.best_epoch + 1,
        seed=config.seed,
        metrics=curve[fitted.best_epoch],
        curve=curve,
        data_hash=data.train.digest(cut_of(home)),
        alpha=asdict(choice.alpha),
        unwatched_scale=choice.scale,
    )


def _run(home: Home, fitted: Fitted, config: TwoTowerConfig, facts: TwoTowerTraining) -> TrainingRun:
    return TrainingRun(
        model=TWO_TOWER,
        files=home.models / "two_tower",
        example=two_tower_example(fitted.model),
        params={**asdict(config), "videos": facts.videos, "watches": facts.watches},
        metrics={f"valid_{name}": value for name, value in facts.metrics.items()},
        curve=fitted.curve,
        dataset="watch sequences",
        dataset_digest=facts.data_hash or "",
    )
