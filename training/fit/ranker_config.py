"""Settings of ranker training: defaults, and recipes by kind of data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from feature_repo.core.home import Home, World
from feature_repo.core.settings import Section
from models.ranking.ranker import ACTIONS


@dataclass(frozen=True)
class RankerConfig:
    seed: int = 0
    max_rows: int = 150_000  # exposures, drawn as whole requests
    validation_fraction: float = 0.15  # the end of the window, by time
    max_epochs: int = 12
    patience: int = 2
    batch_size: int = 1024  # at most; a small world takes smaller ones, so that an epoch has STEPS_PER_EPOCH steps
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    width: int = 128
    embedding: int = 8
    dropout: float = 0.3
    bins: int = 6  # quantile pieces of each number
    tree_actions: tuple[str, ...] = ("click", "long_view", "watch_rank")  # that also have trees
    # Few and small trees: every one costs a page 25 µs for 500 candidates.
    tree_rounds: int = 80  # at most
    tree_leaves: int = 15
    tree_learning_rate: float = 0.12
    refit: bool = True  # train again on all rows once epochs, rounds and blend are chosen
    propensity_weighting: bool = False
    max_inverse_propensity: float = 20.0
    action_losses: dict[str, float] = field(
        default_factory=lambda: {
            "click": 1.0,
            "complete": 0.5,
            "long_view": 1.0,
            "like": 0.3,
            "share": 0.3,
            "dislike": 0.3,
            "watch_rank": 1.0,
            "watch_gain": 0.5,
        }
    )
    retrieval: tuple[float, ...] = (
        0.0,
        0.125,
        0.25,
        0.5,
        1.0,
    )  # what calibrate.choose_retrieval tries

    @classmethod
    def for_world(cls, world: World, **given: Any) -> RankerConfig:
        """The recipe for this kind of data, overridden by `given`.

        Where exposures were not logged, negatives were drawn by popularity (feature_repo/ingest/implied.py): a ranker
        trained on them predicts the lift over popularity, not the probability.
        """
        implied = {"retrieval": (1.0,)} if world.source == "movielens" else {}
        return cls(**{**implied, **given})

    def __post_init__(self) -> None:
        if set(self.action_losses) != set(ACTIONS):
            raise ValueError(f"action_losses: expected {', '.join(ACTIONS)}, found {', '.join(self.action_losses)}")
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction: expected between 0 and 1, found {self.validation_fraction}")
        if not self.retrieval or min(self.retrieval) < 0.0:
            raise ValueError(f"retrieval: expected some weights, none below 0, found {self.retrieval}")


RANKER_SECTION = Section(
    "ranker",
    RankerConfig,
    "marquee train",
    lambda root: RankerConfig.for_world(world) if (world := Home(root).known_world()) else RankerConfig(),
)
