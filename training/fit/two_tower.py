"""Train the two-tower model on watch sequences, and with it the item-item neighbours and popularity of a release."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from feature_repo.core.errors import HomeError
from feature_repo.core.files import atomic_directory
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.tables import Lake
from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import ViewerContextEncoding
from models.release.artifact import refitted_name
from models.retrieval.content import ContentEncoding
from models.retrieval.losses import FULL_SOFTMAX_BELOW, full_cross_entropy, sampled_cross_entropy
from models.retrieval.two_tower import RetrievalModel, TimeBias, TowerConfig, TowerInputs, TwoTower, example, user_tower
from training.data.splits import Holdout, Sequences, SplitRule, split_of
from training.data.video_vectors import content_columns
from training.data.viewer_context import Askers
from training.fit.cold_start import ColdStart, choose_cold_start, with_cold_start
from training.fit.loop import Checkpoint, Fit, LoopConfig, fastest_device
from training.fit.source_questions import SampleConfig
from training.fit.sources import train_sources
from training.measure.metrics import ranking_metrics, top_k
from training.record.results import fingerprint
from training.record.tracking import TWO_TOWER, Tracking, TrainingRun

Array = np.ndarray[Any, Any]
BLEND_VIEWERS = 1_000  # of the validation window, to choose the blend by: seconds, not a minute
EVEN_WIDTH = 16  # tokens
SHUFFLED_TOGETHER = 16  # batches whose viewers are sorted by length: little padding, still random batches
NO_REFIT: dict[str, Any] = {"refit_epochs": 0, "refit_learning_rate": 0.0}


class Watched(NamedTuple):
    """One viewer's known watches, oldest first."""

    tokens: Array
    times_us: Array
    asker_TC: Array  # codes of who watched, and where; C = 0 where the tower does not listen

    def piece(self, start: int, end: int) -> Watched:
        return Watched(*(part[start:end] for part in self))


@dataclass(frozen=True)
class TwoTowerConfig:
    """Defaults suit a service with exposures of some weeks; `for_world` knows what suits others."""

    split: SplitRule = "time"
    seed: int = 0
    epochs: int = 14  # at most
    patience: int = 4
    validate_every: int = 1
    batch_size: int = 128  # viewers
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    min_count: int = 1  # a video watched by fewer viewers has no id of its own, only content
    dim: int = 64
    blocks: int = 2
    heads: int = 1
    length: int = 50
    dropout: float = 0.2
    id_dropout: float = 0.2
    text_dimensions: int = 64
    content: bool = True  # False: videos are their ids alone, as in SASRec
    time_bias: TimeBias = "none"  # "query" needs requests whose moment means something
    asker: bool = False  # the user tower hears profile, device and hour as well: where viewers and requests have them
    average: float = 0.0  # of the weights over steps; .99 = about the last hundred
    refit_epochs: int = 3  # over everything there is, after the choice: what a release serves; 0 = no refit
    refit_learning_rate: float = 0.3  # share of the learning rate
    older_windows: bool = True  # histories beyond `length` also give a piece of what came before, drawn each epoch
    sampled_negatives: int = 2048  # per batch, in catalogs too large for the full softmax
    max_validation_viewers: int = 6040

    def __post_init__(self) -> None:
        if self.split not in ("time", "leave_last"):
            raise ValueError(f"split: expected time or leave_last, found {self.split!r}")
        if min(self.epochs, self.patience, self.batch_size, self.min_count, self.validate_every) < 1:
            raise ValueError("epochs, patience, batch_size, min_count and validate_every: expected at least 1")
        self.tower()

    @classmethod
    def for_world(cls, world: World, **given: Any) -> TwoTowerConfig:
        """The recipe for this kind of data; `given` wins."""
        chosen: dict[str, Any] = {"length": world.history_length}
        if world.source == "simulator":
            chosen["asker"] = True
        if world.source == "movielens":
            chosen |= {
                "split": "leave_last",
                "epochs": 24,
                "patience": 3,
                "validate_every": 4,
                "batch_size": 64,
                "min_count": 5,
                "learning_rate": 1.5e-3,
                "average": 0.995,
                "dim": 128,
                "length": min(128, world.history_length),
                "dropout": 0.3,
                "id_dropout": 0.03,
            }
        return cls(**{**chosen, **given})

    def chosen(self) -> dict[str, Any]:
        """What differs from the defaults: under this things are kept, so that a new option voids nothing."""
        default = asdict(TwoTowerConfig())
        return {name: value for name, value in asdict(self).items() if value != default[name]}

    def tower(self) -> TowerConfig:
        return TowerConfig(
            dim=self.dim,
            blocks=self.blocks,
            heads=self.heads,
            length=self.length,
            dropout=self.dropout,
            id_dropout=self.id_dropout,
            content=self.content,
            time_bias=self.time_bias,
            asker=self.asker,
        )

    def loop(self) -> LoopConfig:
        return LoopConfig(
            seed=self.seed,
            max_epochs=self.epochs,
            patience=self.patience,
            validate_every=self.validate_every,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            average=self.average,
        )

    def refit_loop(self) -> LoopConfig:
        """A few epochs from the chosen weights: the space of the vectors, which the ranker knows, stays what it is."""
        rate = self.refit_learning_rate * self.learning_rate
        return replace(
            self.loop(),
            max_epochs=self.refit_epochs,
            validate_every=self.refit_epochs,
            learning_rate=rate,
            warmup_steps=5,
        )


@dataclass(frozen=True)
class TrainingData:
    train: Sequences
    valid: Holdout
    known_until_us: int  # content of videos published later was not known when training
    everything: Sequences | None = None  # what a refit may learn from; None = there is no refit


def training_data(home: Home, config: TwoTowerConfig) -> TrainingData:
    """What may be trained on, and the validation question, by the config's split."""
    split = split_of(Lake(home), config.split, config.min_count)
    return TrainingData(split.train, split.valid, split.train_until_us, split.whole)


@dataclass(frozen=True)
class Fitted:
    """One training run. `refitted` has gone on over everything that `TrainingData.everything` holds."""

    model: RetrievalModel
    refitted: RetrievalModel | None
    network: TwoTower
    curve: list[dict[str, float]]
    best_epoch: int  # from 0
    validation_viewers: int

    @property
    def cpu_seconds(self) -> float:
        return sum(row["cpu_seconds"] for row in self.curve)


def fit(
    home: Home, config: TwoTowerConfig, data: TrainingData, checkpoint: Path, progress: Progress = SILENT
) -> Fitted:
    """Train on `data` with the contents of the home's videos; nothing but the directory `checkpoint` is written.

    A stopped run goes on from there. Raises HomeError when there is too little to learn from.
    """
    if len(data.train) < 2 or len(set(data.train.video_ids)) < 3:
        raise HomeError(f"{len(data.train)} viewers with watches in {home.lake}: too few to train on")
    chosen = Checkpoint(checkpoint / "chosen", _fingerprint(home, replace(config, **NO_REFIT), data.train))
    # Fitted once: a truncated SVD may turn its last dimensions with the rounding of another number of threads.
    content = ContentEncoding.load(chosen.directory) if chosen.exists() else None
    asker = ViewerContextEncoding.load(chosen.directory) if chosen.exists() and config.asker else None
    trainer = Trainer(home, config, data, content, asker)
    chosen.beside = trainer.save_encodings
    state = trainer.fit(chosen).run("training the two-tower model", progress)
    refitted = None
    if data.everything is not None and config.refit_epochs:
        known = trainer.content, trainer.asker, trainer.askers
        whole = Trainer(home, config, replace(data, train=data.everything), *known)
        whole.go_on_from(trainer)
        kept = Checkpoint(checkpoint / "refit", f"{chosen.fingerprint} {_fingerprint(home, config, data.everything)}")
        whole.refit(kept).run("refitting it on everything", progress)
        refitted = whole.export()
    return Fitted(trainer.export(), refitted, trainer.network, state.curve, state.best, len(trainer.valid))


def fit_and_keep(home: Home, config: TwoTowerConfig, data: TrainingData, progress: Progress = SILENT) -> Fitted:
    """`fit`, its last checkpoint kept in HOME/quality/two_tower: what one protocol has trained, another only asks.

    What chose the epoch, and until when content was known, are part of what a model is: they go into its place.
    """
    chose = [data.valid.user_ids, data.valid.targets, data.valid.now_us, data.known_until_us]
    place = fingerprint([_fingerprint(home, replace(config, **NO_REFIT), data.train), *chose])
    return fit(home, config, data, home.root / "quality" / "two_tower" / place, progress)


def train_two_tower(home: Home, config: TwoTowerConfig | None = None, progress: Progress = SILENT) -> dict[str, Any]:
    """Write HOME/models/two_tower, two_tower_refit (what a release serves), item_cf and popularity.

    A stopped run goes on from its last epoch. Raises HomeError when there is too little to learn from.
    """
    config = config or TwoTowerConfig.for_world(home.world())
    started = time.perf_counter()
    with progress.task("reading watch sequences"):
        data = training_data(home, config)
    checkpoint = home.models / ".two_tower.checkpoint"
    fitted = fit(home, config, data, checkpoint, progress)
    with progress.task("how far content speaks for videos that few have watched"):
        asked = data.valid.draw(config.max_validation_viewers)
        choice = choose_cold_start(home, fitted.model, data.train, asked)
        fitted = _as_chosen(home, fitted, data, choice)
    result = {**_result(home, config, data, fitted), "alpha": asdict(choice.alpha), "unwatched_scale": choice.scale}
    for name, model in (("two_tower", fitted.model), (refitted_name("two_tower"), fitted.refitted)):
        if model is None:
            shutil.rmtree(home.models / name, ignore_errors=True)
            continue
        with atomic_directory(home.models / name) as directory:
            model.save(directory)
            (directory / "training.json").write_text(json.dumps({"config": asdict(config), **result}, indent=1) + "\n")
    train_sources(home, fitted.model, SampleConfig(config.split, config.min_count, BLEND_VIEWERS), progress)
    with progress.task("recording the run in MLflow"):
        version = Tracking(home).log_training(_run(home, fitted, config, result))
    shutil.rmtree(checkpoint, ignore_errors=True)
    return {
        **result,
        "curve": fitted.curve,
        "mlflow_version": version,
        "cpu_seconds": fitted.cpu_seconds,
        "seconds": time.perf_counter() - started,
    }


def _as_chosen(home: Home, fitted: Fitted, data: TrainingData, choice: ColdStart) -> Fitted:
    refitted = fitted.refitted
    if refitted is not None and data.everything is not None:
        refitted = with_cold_start(home, refitted, data.everything, choice)
    return replace(fitted, model=with_cold_start(home, fitted.model, data.train, choice), refitted=refitted)


class Trainer:
    """The network with its batches, loss and validation."""

    def __init__(
        self,
        home: Home,
        config: TwoTowerConfig,
        data: TrainingData,
        content: ContentEncoding | None = None,
        asker: ViewerContextEncoding | None = None,
        askers: Askers | None = None,
    ) -> None:
        """`content` and `asker` are the encodings of the run that is continued; without them they are fitted.
        `askers`: of this home, where they were read already."""
        self.config = config
        videos = Lake(home).videos()
        columns = content_columns(videos, home.world())
        published = videos["published_timestamp_us"].to_numpy() < data.known_until_us
        known = {name: column[published] for name, column in columns.items()}
        self.content = content or ContentEncoding.fit(known, config.text_dimensions, config.seed)
        row_of = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
        video_ids = tuple(sorted({video_id for video_id in data.train.video_ids if video_id in row_of}))
        self.encoding = SequenceEncoding(video_ids, config.length)
        at = np.array([row_of[video_id] for video_id in video_ids])
        features = self.content.encode({name: column[at] for name, column in columns.items()})
        torch.manual_seed(config.seed)
        self.askers = askers = askers or Askers.of(home, config.asker)
        self.asker = (asker or _asker_encoding(askers, data.train)) if config.asker else None
        self.network = TwoTower(
            features,
            len(self.content.creators),
            len(self.content.languages),
            config.tower(),
            self.asker.cardinalities if self.asker else (),
        )
        self.device = fastest_device()
        self.network.to(self.device)
        whole = SequenceEncoding(video_ids, max(int(data.train.lengths.max(initial=0)), 1))
        rows = self._watched(whole, askers, data.train.user_ids, data.train.histories(), data.train.times())
        self.rows = [row for row in rows if len(row.tokens) > 1]
        self.valid = data.valid.draw(config.max_validation_viewers, config.seed)
        valid = self.valid
        self.valid_rows = self._watched(self.encoding, askers, valid.user_ids, valid.histories, valid.times_us)
        self.valid_asker_BC = self._codes(askers, valid.user_ids, valid.now_us)
        token_of = {video_id: token for token, video_id in enumerate(video_ids)}
        self.valid_seen = [[token_of[v] for v in history if v in token_of] for history in self.valid.histories]
        # A target without a vector cannot be found; -1 keeps it in the count of targets.
        self.valid_targets = [[token_of.get(v, -1) for v in targets] for targets in self.valid.targets]
        self.full = len(video_ids) < FULL_SOFTMAX_BELOW
        counts = np.bincount(np.concatenate([row.tokens for row in self.rows]), minlength=len(video_ids)) + 1.0
        self.q_V = torch.from_numpy(counts / counts.sum()).to(self.device)

    def fit(self, checkpoint: Checkpoint | None) -> Fit[TowerInputs]:
        return Fit(self.network, self.batches, self.loss, self.validate, self.config.loop(), checkpoint)

    def refit(self, checkpoint: Checkpoint | None) -> Fit[TowerInputs]:
        return Fit(self.network, self.batches, self.loss, None, self.config.refit_loop(), checkpoint)

    def save_encodings(self, directory: Path) -> None:
        self.content.save(directory)
        if self.asker is not None:
            self.asker.save(directory)

    def go_on_from(self, trained: Trainer) -> None:
        """Begin with what another trainer has learned. A video that it did not know has no id vector yet."""
        weights = {name: value.clone() for name, value in trained.network.state_dict().items()}
        row_of = {video_id: row for row, video_id in enumerate(trained.encoding.video_ids)}
        at = torch.tensor([row_of.get(video_id, -1) for video_id in self.encoding.video_ids]).to(self.device)
        known_VD = weights["id_embedding.weight"][at.clamp(min=0)]
        weights["id_embedding.weight"] = known_VD * (at >= 0)[:, None]
        self.network.load_state_dict(weights)

    def export(self) -> RetrievalModel:
        return RetrievalModel.export(self.network.cpu(), self.encoding, self.content, self.asker)

    def _watched(
        self,
        encoding: SequenceEncoding,
        askers: Askers,
        user_ids: Sequence[str] | Array,
        histories: Sequence[Sequence[str]],
        times_us: Sequence[Sequence[int]],
    ) -> list[Watched]:
        """What each viewer watched of what the encoding knows."""
        rows = []
        for user_id, history, moments in zip(user_ids, histories, times_us, strict=True):
            known_us = [moments[at] for at in encoding.known(history)]
            asker_TC = self._codes(askers, [user_id] * len(known_us), known_us)
            tokens = np.array(encoding.tokens(history), dtype=np.int64)
            rows.append(Watched(tokens, np.array(known_us, dtype=np.int64), asker_TC))
        return rows

    def _codes(self, askers: Askers, user_ids: Sequence[str], moments_us: Sequence[int] | Array) -> Array:
        if self.asker is None:
            return np.zeros((len(user_ids), 0), dtype=np.int64)
        return self.asker.encode(askers.columns(user_ids, moments_us))

    def batches(self, epoch: int) -> list[TowerInputs]:
        """Tokens, real counts and times of every viewer once; rows of similar length together."""
        rng = np.random.default_rng((self.config.seed, epoch))
        rows = self._windows(rng)
        order = rng.permutation(len(rows))
        length = np.array([len(row.tokens) for row in rows])
        size, together = self.config.batch_size, self.config.batch_size * SHUFFLED_TOGETHER
        groups = [order[start : start + together] for start in range(0, len(order), together)]
        sorted_groups = [group[np.argsort(length[group], kind="stable")] for group in groups]
        parts = [group[start : start + size] for group in sorted_groups for start in range(0, len(group), size)]
        return [self._batch([rows[row] for row in parts[at]]) for at in rng.permutation(len(parts))]

    def _windows(self, rng: np.random.Generator) -> list[Watched]:
        """The newest `length` watches of every viewer, and for those with more one earlier window: heavy viewers have
        much to teach, but may not drown the others."""
        length = self.config.length
        windows = [row.piece(max(0, len(row.tokens) - length), len(row.tokens)) for row in self.rows]
        if not self.config.older_windows:
            return windows
        for row in self.rows:
            watched, half = len(row.tokens), length // 2
            if watched > length + 1:
                end = int(rng.integers(half, watched - half)) if watched > length + half else watched - length
                if end > 1:
                    windows.append(row.piece(max(0, end - length), end))
        return windows

    def _batch(
        self, rows: Sequence[Watched], now_us: Array | None = None, asker_BC: Array | None = None
    ) -> TowerInputs:
        """In training nothing is asked after the last watch: neither when nor by whom matters."""
        longest = max(len(row.tokens) for row in rows)
        token_BT, count_B = self.encoding.pad([row.tokens for row in rows], _even(longest, self.config.length))
        time_BT = None
        asker = None if asker_BC is None or self.asker is None else torch.from_numpy(asker_BC)
        if self.config.time_bias != "none":
            last_us = np.array([row.times_us[-1] if len(row.times_us) else 0 for row in rows])
            asked_us = last_us if now_us is None else now_us
            time_BT = torch.from_numpy(
                self.encoding.seconds([row.times_us for row in rows], asked_us, token_BT.shape[1] - 1)
            )
        if self.asker is not None and asker is None:  # who asks after a token is who makes the next watch
            asker = torch.zeros(*token_BT.shape, len(self.asker.cardinalities), dtype=torch.int64)
            for at, row in enumerate(rows):
                asker[at, : len(row.tokens)] = torch.from_numpy(row.asker_TC)
        return TowerInputs(torch.from_numpy(token_BT), torch.from_numpy(count_B), time_BT, asker)

    def loss(self, batch: TowerInputs) -> Tensor:
        """Every real token predicts the next one; pads are never computed against the catalog."""
        batch = batch.to(self.device)
        token_BT, count_B = batch.token_BT, batch.count_B
        real_BT = torch.arange(token_BT.shape[1] - 1, device=self.device)[None, :] < count_B[:, None] - 1
        target_N = token_BT[:, 1:][real_BT]
        if not self.full:
            return self._sampled_loss(batch, real_BT, target_N)
        video_VD = self.network.video_vectors()
        state_ND = self._states(video_VD, batch)[:, :-1][real_BT]
        return full_cross_entropy(state_ND, video_VD, target_N)

    def _states(self, video_VD: Tensor, batch: TowerInputs) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.network.states(video_VD, batch).float()

    def _sampled_loss(self, batch: TowerInputs, real_BT: Tensor, target_N: Tensor) -> Tensor:
        """Only the vectors of videos that the batch or its negatives name are computed."""
        sample_S = torch.multinomial(self.q_V, self.config.sampled_negatives, replacement=True)
        start = self.encoding.start
        named = torch.unique(torch.cat([batch.token_BT[batch.token_BT != start], sample_S]))
        place = torch.full((start + 1,), len(named), device=self.device)
        place[named] = torch.arange(len(named), device=self.device)
        video_MD = self.network.video_vectors(named)
        state_ND = self._states(video_MD, batch._replace(token_BT=place[batch.token_BT]))[:, :-1][real_BT]
        log_q_V = torch.log(self.q_V).float()
        target_ND, sample_SD = video_MD[place[target_N]], video_MD[place[sample_S]]
        return sampled_cross_entropy(state_ND, target_ND, sample_SD, target_N, sample_S, log_q_V)

    def validate(self) -> dict[str, float]:
        """Ranks of the held-back watches over all videos of training; what was watched before is left out."""
        lists, videos = [], len(self.encoding.video_ids)
        with torch.inference_mode():
            tower = user_tower(self.network)
            by_length = np.argsort([len(row.tokens) for row in self.valid_rows], kind="stable")
            for start in range(0, len(by_length), 256):
                at = by_length[start : start + 256]
                rows = [self.valid_rows[row] for row in at]
                batch = self._batch(rows, self.valid.now_us[at], self.valid_asker_BC[at])
                with torch.autocast(self.device.type, torch.bfloat16):
                    user_BD = tower(*batch.to(self.device)).float()
                score_BV = (user_BD @ tower.video_VD.T).cpu().numpy()
                for place, row in enumerate(at):
                    score_BV[place, self.valid_seen[row]] = -np.inf
                lists.append(top_k(score_BV, 50))
        return ranking_metrics(np.concatenate(lists), [self.valid_targets[row] for row in by_length], videos)


def _even(longest: int, most: int) -> int:
    """A width of batches that many share: tensors of ever new sizes fragment the heap, and every size that oneDNN has
    not seen yet it compiles for (an epoch grew from 30 to 130 CPU-seconds in one run)."""
    return min(-(-longest // EVEN_WIDTH) * EVEN_WIDTH, max(most, longest))


def _asker_encoding(askers: Askers, train: Sequences) -> ViewerContextEncoding:
    return ViewerContextEncoding.fit(askers.columns(np.repeat(train.user_ids, train.lengths), train.timestamps_us))


def _fingerprint(home: Home, config: TwoTowerConfig, trained_on: Sequences) -> str:
    """Of whatever the weights depend on."""
    return fingerprint([config.chosen(), trained_on.digest(Lake(home))])


def _result(home: Home, config: TwoTowerConfig, data: TrainingData, fitted: Fitted) -> dict[str, Any]:
    """Without clock readings: the same data and seed write the same files."""
    timed = ("seconds", "cpu_seconds")
    curve = [{name: value for name, value in row.items() if name not in timed} for row in fitted.curve]
    return {
        "split": config.split,
        "viewers": len(data.train),
        "watches": len(data.train.video_ids),
        "videos": len(fitted.model.video_ids),
        "validation_viewers": fitted.validation_viewers,
        "epochs": len(curve),
        "best_epoch": fitted.best_epoch + 1,
        "seed": config.seed,
        "metrics": curve[fitted.best_epoch],
        "curve": curve,
        "data_hash": data.train.digest(Lake(home)),
    }


def _run(home: Home, fitted: Fitted, config: TwoTowerConfig, result: dict[str, Any]) -> TrainingRun:
    return TrainingRun(
        model=TWO_TOWER,
        files=home.models / "two_tower",
        network=user_tower(fitted.network),
        example=example(fitted.model.sequences, fitted.network.config, fitted.model.asker),
        params={**asdict(config), "videos": result["videos"], "watches": result["watches"]},
        metrics={f"valid_{name}": value for name, value in result["metrics"].items()},
        curve=fitted.curve,
        dataset="watch sequences",
        dataset_digest=result["data_hash"],
    )
