"""training.json: facts about a model's training, next to its files in HOME/models and in a release.

It holds no times, so that the same data and seed give the same file. A field missing in an older file is None or empty;
fields of other revisions are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import msgspec

from feature_repo.core.errors import HomeError
from feature_repo.core.files import read_json
from feature_repo.core.home import Home

TRAINING_FILE = "training.json"
Curve = Sequence[Mapping[str, float]]  # a row of figures for each epoch


@dataclass(frozen=True)
class _Written:
    """Reads and writes the fields of the dataclass, in their order."""

    def to_json(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def write(self, directory: Path) -> None:
        (directory / TRAINING_FILE).write_text(json.dumps(self.to_json(), indent=1) + "\n")

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Raises HomeError where a model was not trained here, FileError for a file that does not say how it was."""
        return read_json(
            directory / TRAINING_FILE, lambda content: msgspec.convert(content, cls), "training facts", "train it again"
        )


@dataclass(frozen=True)
class TwoTowerTraining(_Written):
    config: Mapping[str, Any]  # of training.fit.two_tower.TwoTowerConfig
    split: str
    viewers: int | None = None
    watches: int | None = None
    videos: int | None = None
    validation_viewers: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None  # from 1
    seed: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Curve = ()
    data_hash: str | None = None
    alpha: Mapping[str, float] | None = None  # of training.fit.cold_start
    unwatched_scale: float | None = None

    @classmethod
    def of(cls, home: Home) -> TwoTowerTraining:
        """The facts of the model in HOME/models. Raises HomeError when there is none."""
        directory = home.models / "two_tower"
        if not (directory / TRAINING_FILE).exists():
            raise HomeError(f"no two_tower model at {home.models}: run `marquee train` first")
        return cls.read(directory)

    @property
    def kept_epoch(self) -> int:
        """From 1; 0 where the file does not tell."""
        return self.best_epoch or _epoch_of(self.metrics, self.curve)


@dataclass(frozen=True)
class RankerTraining(_Written):
    config: Mapping[str, Any]  # of training.fit.ranker.RankerConfig
    rows: int | None = None
    features: int | None = None
    epochs: int | None = None
    tree_rounds: Mapping[str, int] = field(default_factory=dict)  # per action
    retrieval: float | None = None  # models.ranking.ranker.RankerModel.retrieval
    seed: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Curve = ()
    data_hash: str | None = None

    @property
    def kept_epoch(self) -> int:
        """From 1; 0 where the file does not tell."""
        return _epoch_of(self.metrics, self.curve)


Training = TwoTowerTraining | RankerTraining
# By the name of the part of a release.
TRAININGS: Mapping[str, type[Training]] = {"two_tower": TwoTowerTraining, "ranker": RankerTraining}


def _epoch_of(metrics: Mapping[str, float], curve: Curve) -> int:
    """The epoch whose figures equal those of the model."""
    return next((at for at, row in enumerate(curve, 1) if row == metrics), 0)
