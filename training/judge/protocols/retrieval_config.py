"""Protocol files of kind "retrieval"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from feature_repo.core.toml import read_as
from training.data.questions import QuestionConfig
from training.fit.two_tower_config import TwoTowerConfig
from training.judge.baselines import BASELINES, FITTED, Settings, check_grid
from training.judge.protocols.reading import declared, read_protocol


@dataclass(frozen=True)
class RetrievalProtocol(QuestionConfig):
    """`models` are two-tower models by name, each with what it changes of `two_tower`, which changes the recipe of the
    home's world; `baselines` names baselines, each with its grid of settings ([{}]: nothing to choose); `better_of`
    names one of `models`, which ranks what it was not trained on by the better of itself and content."""

    name: str = ""
    reference: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    two_tower: Settings = field(default_factory=dict)
    models: Mapping[str, Settings] = field(default_factory=dict)
    baselines: Mapping[str, Sequence[Settings]] = field(default_factory=dict)
    better_of: Mapping[str, str] = field(default_factory=dict)

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
        if unknown := set(self.better_of.values()) - set(self.models):
            raise ValueError(f"better_of: expected one of {', '.join(self.models)}, found {unknown.pop()!r}")
        names = (*BASELINES, *self.models, *self.better_of)
        if len(set(names)) < len(names) or self.reference not in self.names or not self.seeds or not self.name:
            raise ValueError(
                f"expected a name, some seeds, models with names other than {', '.join(BASELINES)}, and a reference"
                f" among {', '.join(self.names)}; found {self.reference!r}"
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RetrievalProtocol:
        """From the fields of a protocol file. Raises HomeError naming the wrong field."""
        return declared(cls, given, "retrieval")

    @classmethod
    def load(cls, name: str) -> RetrievalProtocol:
        return cls.of(read_protocol(name))

    @classmethod
    def for_split(cls, split: str) -> RetrievalProtocol:
        """The protocol that tests a model trained with this split on unseen watches, over the whole catalog: a model
        may leave out rarely watched videos, a home page may show them."""
        return replace(cls.load("a1" if split == "leave_last" else "time"), min_count=1)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.baselines, *self.models, *self.better_of)
