"""The questions of a protocol and the data allowed for training; training/data/read_questions.py makes them.

leave_last   test on the last watch of every viewer, validate on the one before it, train on the rest
time         what do viewers watch in the last window that is new to them, given all before it (training/data/splits.py)
later        global temporal split (training/data/later.py): training ends at one instant for everybody. Watches after
             it are asked for one by one, each from all watches of that viewer before it, also those after the cut:
             "successive", of which "last" is each viewer's last, and "new_videos" tells apart the videos that nobody
             had watched by the cut.
             Viewers with no watch before the cut are asked about from the second one on (Gusak et al. 2025, "Time to
             Split", RecSys; their code masks all that was watched before the question, and so do we). "new_viewers"
             asks for the very first as well, and tells the first five watches of such viewers from those of the others

Validation has the same form and lies inside the training part. B questions, U viewers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from training.data.splits import Holdout, Sequences

Array = np.ndarray[Any, Any]
SplitName = Literal["leave_last", "time", "later"]
LATER = ("last", "successive", "new_videos", "new_viewers")


@dataclass(frozen=True)
class QuestionConfig:
    """Part of a protocol file. `min_count`, `core`: what is excluded from the data before it is split."""

    split: SplitName = "time"
    ask: tuple[str, ...] = ()  # of `later`
    min_count: int = 1  # videos with fewer viewers; 1: none, and the catalog is the lake's
    core: int = 0  # viewers and videos with fewer watches, until none is left
    quantile: float = 0.9  # of `later`: of the watches' times, for the test and again, inside, for validation
    max_viewers: int = 10_000  # asked about, drawn with `seed`
    max_questions: int = 200_000  # of `later`, drawn alike; so many of new videos or viewers, and of the others
    max_validation: int = 6_040  # questions that choose
    seed: int = 0

    def __post_init__(self) -> None:
        if self.split not in ("leave_last", "time", "later"):
            raise ValueError(f"split: expected leave_last, time or later, found {self.split!r}")
        if set(self.ask) - set(LATER) or bool(self.ask) != (self.split == "later"):
            raise ValueError(f"ask: expected some of {', '.join(LATER)} with split later, found {self.ask!r}")
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile: expected above 0 and below 1, found {self.quantile}")
        if min(self.min_count, self.max_viewers, self.max_questions, self.max_validation) < 1 or self.core < 0:
            raise ValueError("min_count, max_viewers, max_questions and max_validation: expected at least 1")


@dataclass(frozen=True)
class Question:
    """Rows to be answered. `weight_B`: how many watches of the data each row stands for; `cold_B`: it asks for a video
    that nobody had watched, or of a viewer who had watched nothing, when training ended."""

    name: str  # "" where a protocol has one question
    asked: Holdout
    weight_B: Array
    cold_B: Array | None = None

    def units(self) -> Array:
        """(B,) which viewer a row belongs to, 0 … U - 1."""
        _, unit_B = np.unique(np.array(self.asked.user_ids, dtype=str), return_inverse=True)
        return unit_B


@dataclass(frozen=True)
class Questions:
    """`train` and `valid` to choose with; `known` holds both: what may be learned before the test questions."""

    train: Sequences
    valid: Holdout
    known: Sequences
    train_until_us: int
    known_until_us: int
    catalog: list[str]
    questions: tuple[Question, ...]
    data_hash: str
    facts: Mapping[str, int]  # counts, by name
