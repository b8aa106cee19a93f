"""Train the two-tower model on watch sequences, and with it the item-item neighbours and popularity of a release."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from feature_repo.home import Home, HomeError, World, atomic_directory
from feature_repo.lake import Lake
from feature_repo.progress import SILENT, Progress
from models.content import ContentEncoding
from models.encoding import SequenceEncoding
from models.item_cf import ItemNeighbours
from models.losses import FULL_SOFTMAX_BELOW, full_cross_entropy, sampled_cross_entropy
from models.popularity import Popularity
from models.two_tower import RetrievalModel, TowerConfig, TwoTower, example, user_tower
from training.build_index import content_columns
from training.loop import Checkpoint, Fit, LoopConfig, LoopState
from training.metrics import ranking_metrics, top_k
from training.splits import Holdout, Sequences, leave_last, next_watches, sequences, time_cuts, watches
from training.tracking import TWO_TOWER, Tracking, TrainingRun

Array = np.ndarray[Any, Any]
SHUFFLED_TOGETHER = 16  # batches whose viewers are sorted by length: little padding, still random batches


@dataclass(frozen=True)
class TwoTowerConfig:
    """Defaults suit a service with exposures of some weeks; `for_world` knows what suits others."""

    split: Literal["time", "leave_last"] = "time"
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
        if world.source == "movielens":
            chosen |= {
                "split": "leave_last",
                "epochs": 30,
                "patience": 5,
                "validate_every": 2,
                "min_count": 5,
                "learning_rate": 1.5e-3,
                "dropout": 0.1,
                "id_dropout": 0.1,
            }
        return cls(**{**chosen, **given})

    def tower(self) -> TowerConfig:
        return TowerConfig(self.dim, self.blocks, self.heads, self.length, self.dropout, self.id_dropout)

    def loop(self) -> LoopConfig:
        return LoopConfig(
            seed=self.seed,
            max_epochs=self.epochs,
            patience=self.patience,
            validate_every=self.validate_every,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )


@dataclass(frozen=True)
class TrainingData:
    train: Sequences
    valid: Holdout
    known_until_us: int  # content of videos published later was not known when training


def training_data(home: Home, config: TwoTowerConfig) -> TrainingData:
    """What may be trained on, and the validation question, by the config's split."""
    lake = Lake(home)
    events = lake.events()
    watched, cuts = watches(lake, events), time_cuts(lake, events)
    if config.split == "time":
        train = sequences(watched, cuts.t1_us).with_frequent(config.min_count)
        return TrainingData(train, next_watches(watched, cuts.t1_us, cuts.t2_us), cuts.t1_us)
    # The last watch is the test's; the one before it chooses the epoch.
    visible, _ = leave_last(sequences(watched).with_frequent(config.min_count), 1)
    train, valid = leave_last(visible, 1)
    return TrainingData(train, valid, cuts.end_us)


def train_two_tower(home: Home, config: TwoTowerConfig | None = None, progress: Progress = SILENT) -> dict[str, Any]:
    """Write HOME/models/two_tower, item_cf and popularity; a stopped run goes on from its last epoch.

    Raises HomeError when there is too little to learn from.
    """
    config = config or TwoTowerConfig.for_world(home.world())
    started = time.perf_counter()
    with progress.task("reading watch sequences"):
        data = training_data(home, config)
        if len(data.train) < 2 or len(set(data.train.video_ids)) < 3:
            raise HomeError(f"{len(data.train)} viewers with watches in {home.lake}: too few to train on")
        digest = data.train.digest()
        checkpoint = Checkpoint(home.models / ".two_tower.checkpoint", _fingerprint(config, digest))
        # Fitted once: a truncated SVD may turn its last dimensions with the rounding of another number of threads.
        content = ContentEncoding.load(checkpoint.directory) if checkpoint.exists() else None
        trainer = Trainer(home, config, data, content)
        checkpoint.beside = trainer.content.save
    state = trainer.fit(checkpoint).run("training the two-tower model", progress)
    with progress.task("exporting the two-tower model"):
        model = RetrievalModel.export(trainer.network, trainer.encoding, trainer.content)
        result = _result(config, data, trainer, state, digest)
        with atomic_directory(home.models / "two_tower") as directory:
            model.save(directory)
            (directory / "training.json").write_text(json.dumps({"config": asdict(config), **result}, indent=1) + "\n")
    with progress.task("neighbours and popularity"):
        _write_simple_models(home)
    with progress.task("recording the run in MLflow"):
        version = Tracking(home).log_training(_run(home, trainer, config, result, state))
    checkpoint.discard()
    return {
        **result,
        "curve": state.curve,
        "mlflow_version": version,
        "cpu_seconds": sum(row["cpu_seconds"] for row in state.curve),
        "seconds": time.perf_counter() - started,
    }


class Trainer:
    """The network with its batches, loss and validation."""

    def __init__(
        self, home: Home, config: TwoTowerConfig, data: TrainingData, content: ContentEncoding | None = None
    ) -> None:
        """`content` is the encoding of the run that is continued; without one it is fitted."""
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
        self.network = TwoTower(features, len(self.content.creators), len(self.content.languages), config.tower())
        self.rows = [tokens for history in data.train.histories() if len(tokens := self._tokens(history)) > 1]
        self.first = [len(history) <= config.length for history in data.train.histories() if len(history) > 1]
        self.valid = _sample(data.valid, config.max_validation_viewers, config.seed)
        self.valid_tokens = [self._tokens(history) for history in self.valid.histories]
        token_of = {video_id: token for token, video_id in enumerate(video_ids)}
        self.valid_seen = [[token_of[v] for v in history if v in token_of] for history in self.valid.histories]
        # A target without a vector cannot be found; -1 keeps it in the count of targets.
        self.valid_targets = [[token_of.get(v, -1) for v in targets] for targets in self.valid.targets]
        self.full = len(video_ids) < FULL_SOFTMAX_BELOW
        counts = np.bincount(np.concatenate(self.rows), minlength=len(video_ids)) + 1.0
        self.q_V = torch.from_numpy(counts / counts.sum())

    def _tokens(self, history: Sequence[str]) -> Array:
        return np.array(self.encoding.tokens(history), dtype=np.int64)

    def fit(self, checkpoint: Checkpoint | None) -> Fit[tuple[Tensor, Tensor]]:
        return Fit(self.network, self.batches, self.loss, self.validate, self.config.loop(), checkpoint)

    def batches(self, epoch: int) -> list[tuple[Tensor, Tensor]]:
        """Tokens and real counts of every viewer once; viewers of similar length together."""
        rng = np.random.default_rng((self.config.seed, epoch))
        order = rng.permutation(len(self.rows))
        length = np.array([len(row) for row in self.rows])
        size, together = self.config.batch_size, self.config.batch_size * SHUFFLED_TOGETHER
        groups = [order[start : start + together] for start in range(0, len(order), together)]
        sorted_groups = [group[np.argsort(length[group], kind="stable")] for group in groups]
        parts = [group[start : start + size] for group in sorted_groups for start in range(0, len(group), size)]
        batches = []
        for at in rng.permutation(len(parts)):
            token_BT, count_B = self.encoding.pad([self.rows[row] for row in parts[at]])
            batches.append((torch.from_numpy(token_BT), torch.from_numpy(count_B)))
        return batches

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Every real token predicts the next one; pads are never computed against the catalog."""
        token_BT, count_B = batch
        real_BT = torch.arange(token_BT.shape[1] - 1)[None, :] < count_B[:, None] - 1
        target_N = token_BT[:, 1:][real_BT]
        if not self.full:
            return self._sampled_loss(token_BT, count_B, real_BT, target_N)
        video_VD = self.network.video_vectors()
        state_ND = self._states(video_VD, token_BT, count_B)[:, :-1][real_BT]
        return full_cross_entropy(state_ND, video_VD, target_N)

    def _states(self, video_VD: Tensor, token_BT: Tensor, count_B: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.network.states(video_VD, token_BT, count_B).float()

    def _sampled_loss(self, token_BT: Tensor, count_B: Tensor, real_BT: Tensor, target_N: Tensor) -> Tensor:
        """Only the vectors of videos that the batch or its negatives name are computed."""
        sample_S = torch.multinomial(self.q_V, self.config.sampled_negatives, replacement=True)
        start = self.encoding.start
        named = torch.unique(torch.cat([token_BT[token_BT != start], sample_S]))
        place = torch.full((start + 1,), len(named))
        place[named] = torch.arange(len(named))
        video_MD = self.network.video_vectors(named)
        state_ND = self._states(video_MD, place[token_BT], count_B)[:, :-1][real_BT]
        log_q_V = torch.log(self.q_V).float()
        target_ND, sample_SD = video_MD[place[target_N]], video_MD[place[sample_S]]
        return sampled_cross_entropy(state_ND, target_ND, sample_SD, target_N, sample_S, log_q_V)

    def validate(self) -> dict[str, float]:
        """Ranks of the held-back watches over all videos of training; what was watched before is left out."""
        lists, videos = [], len(self.encoding.video_ids)
        with torch.inference_mode():
            tower = user_tower(self.network)
            by_length = np.argsort([len(row) for row in self.valid_tokens], kind="stable")
            for start in range(0, len(by_length), 256):
                at = by_length[start : start + 256]
                token_BT, count_B = self.encoding.pad([self.valid_tokens[row] for row in at])
                with torch.autocast("cpu", torch.bfloat16):
                    user_BD = tower(torch.from_numpy(token_BT), torch.from_numpy(count_B)).float()
                score_BV = (user_BD @ tower.video_VD.T).numpy()
                for place, row in enumerate(at):
                    score_BV[place, self.valid_seen[row]] = -np.inf
                lists.append(top_k(score_BV, 50))
        return ranking_metrics(np.concatenate(lists), [self.valid_targets[row] for row in by_length], videos)


def _sample(valid: Holdout, most: int, seed: int) -> Holdout:
    if len(valid) <= most:
        return valid
    return valid.take(np.sort(np.random.default_rng(seed).choice(len(valid), most, replace=False)))


def _write_simple_models(home: Home) -> None:
    """What a release carries of these is as new as can be; evaluation fits its own on what it may know."""
    lake = Lake(home)
    events = lake.events()
    watched, cuts = watches(lake, events), time_cuts(lake, events)
    pairs = zip(watched["video_id"].to_pylist(), watched["timestamp_us"].to_pylist(), strict=True)
    popularity = Popularity.fit(pairs, cuts.end_us)
    neighbours = ItemNeighbours.fit(sequences(watched).histories())
    for name, model in (("item_cf", neighbours), ("popularity", popularity)):
        with atomic_directory(home.models / name) as directory:
            model.save(directory)  # type: ignore[attr-defined]


def _fingerprint(config: TwoTowerConfig, digest: str) -> str:
    return hashlib.sha256(f"{json.dumps(asdict(config), sort_keys=True)} {digest}".encode()).hexdigest()


def _result(
    config: TwoTowerConfig, data: TrainingData, trainer: Trainer, state: LoopState, digest: str
) -> dict[str, Any]:
    """Without clock readings: the same data and seed write the same files."""
    timed = ("seconds", "cpu_seconds")
    return {
        "split": config.split,
        "viewers": len(data.train),
        "watches": len(data.train.video_ids),
        "videos": len(trainer.encoding.video_ids),
        "validation_viewers": len(trainer.valid),
        "epochs": len(state.curve),
        "best_epoch": state.best + 1,
        "seed": config.seed,
        "metrics": {name: value for name, value in state.curve[state.best].items() if name not in timed},
        "curve": [{name: value for name, value in row.items() if name not in timed} for row in state.curve],
        "data_hash": digest,
    }


def _run(home: Home, trainer: Trainer, config: TwoTowerConfig, result: dict[str, Any], state: LoopState) -> TrainingRun:
    tokens, counts = example(trainer.encoding)
    return TrainingRun(
        model=TWO_TOWER,
        files=home.models / "two_tower",
        network=user_tower(trainer.network),
        example={"tokens": tokens, "counts": counts},
        params={**asdict(config), "videos": result["videos"], "watches": result["watches"]},
        metrics={f"valid_{name}": value for name, value in result["metrics"].items()},
        curve=state.curve,
        dataset="watch sequences",
        dataset_digest=result["data_hash"],
    )
