"""Settings of two-tower training: defaults, and recipes by kind of data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from feature_repo.core.home import Home, World
from feature_repo.core.settings import Section
from models.retrieval.tower_config import TimeBias, TowerConfig
from training.data.splits import SplitRule
from training.fit.loop import LoopConfig


@dataclass(frozen=True)
class TwoTowerConfig:
    """The defaults suit a service with a few weeks of exposures; `for_world` has recipes for other data."""

    split: SplitRule = "time"
    seed: int = 0
    epochs: int = 14  # at most
    patience: int = 4
    validate_every: int = 1
    batch_size: int = 128  # viewers
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    min_count: int = 1  # a video watched by fewer viewers has no id embedding, only content
    dim: int = 64
    blocks: int = 2
    heads: int = 1
    length: int = 50
    dropout: float = 0.2
    id_dropout: float = 0.2
    text_dimensions: int = 64
    content: bool = True  # False: videos are their ids alone, as in SASRec
    time_bias: TimeBias = "none"  # "query" needs meaningful request times
    asker: bool = False  # the user tower also reads the viewer context: profile, device and hour
    average: float = 0.0  # of the weights over steps; .99 = about the last hundred
    refit_epochs: int = 3  # on all data after the best epoch is chosen; a release serves the result; 0 = no refit
    refit_learning_rate: float = 0.3  # share of the learning rate
    older_windows: bool = True  # histories beyond `length` also contribute an earlier window, drawn each epoch
    sampled_negatives: int = 2048  # per batch, in catalogs too large for the full softmax
    finished_weight: float = 2.0  # in the loss, of a watch of at least 90 % or a like; of one that was begun: 1
    broken_weight: float = 0.3  # of a watch below 5 %, to rank below the one that came after it; 0: it teaches nothing
    max_validation_viewers: int = 6040

    def __post_init__(self) -> None:
        if self.split not in ("time", "leave_last"):
            raise ValueError(f"split: expected time or leave_last, found {self.split!r}")
        if min(self.epochs, self.patience, self.batch_size, self.min_count, self.validate_every) < 1:
            raise ValueError("epochs, patience, batch_size, min_count and validate_every: expected at least 1")
        if not (0 < self.finished_weight < math.inf and 0 <= self.broken_weight < math.inf):
            raise ValueError("finished_weight: expected a number above 0; broken_weight: at least 0")
        self.tower()

    @classmethod
    def for_world(cls, world: World, **given: Any) -> TwoTowerConfig:
        """The recipe for this kind of data, overridden by `given`."""
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
                "finished_weight": 1.0,  # a rating is no watch: any film that was rated counts alike
            }
        return cls(**{**chosen, **given})

    def chosen(self) -> dict[str, Any]:
        """The fields that differ from the defaults. Results are stored under these, so that a new option keeps them."""
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
        """A few epochs from the chosen weights, so that the vector space that the ranker knows stays the same."""
        rate = self.refit_learning_rate * self.learning_rate
        return replace(
            self.loop(),
            max_epochs=self.refit_epochs,
            validate_every=self.refit_epochs,
            learning_rate=rate,
            warmup_steps=5,
        )


TWO_TOWER_SECTION = Section(
    "two_tower",
    TwoTowerConfig,
    "marquee train",
    lambda root: TwoTowerConfig.for_world(world) if (world := Home(root).known_world()) else TwoTowerConfig(),
)
