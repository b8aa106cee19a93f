"""Viewer context (profile, device and time of day) -> codes: an optional input of the user tower. B viewers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.compute.inputs import local_clock
from models.encoding.ranker import USER_CATEGORIES
from models.encoding.vocabulary import Vocabulary

Array = np.ndarray[Any, Any]

VIEWER_CONTEXT = (*USER_CATEGORIES, "device", "day_part")
VIEWER_CONTEXT_FILE = "askers.json"  # kept: the file name in existing releases
DAY_PART_HOURS = 4


def viewer_context_columns(user: Columns, context: Columns) -> dict[str, Array]:
    """VIEWER_CONTEXT of B viewers with the profiles `user` at the moments of `context` (inputs.context_columns)."""
    profile = {name: user[name] for name in USER_CATEGORIES}
    return {**profile, "device": context["device"], "day_part": np.array(day_parts(context), dtype=object)}


def day_parts(context: Columns) -> list[str]:
    """The part of the viewer's day at each of B moments."""
    hour, is_weekend = local_clock(context)
    return [
        f"{'weekend' if weekend else 'workday'} {at}"
        for at, weekend in zip((hour // DAY_PART_HOURS).astype(int), is_weekend, strict=True)
    ]


@dataclass(frozen=True)
class ViewerContextEncoding:
    """A code per category of VIEWER_CONTEXT; 0: unknown, or too rare to be learned."""

    categories: Mapping[str, Vocabulary]

    @classmethod
    def fit(cls, columns: Columns) -> ViewerContextEncoding:
        return cls({name: Vocabulary.of_frequent(columns[name]) for name in VIEWER_CONTEXT})

    def save(self, directory: Path) -> None:
        content = {name: vocabulary.values for name, vocabulary in self.categories.items()}
        (directory / VIEWER_CONTEXT_FILE).write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ViewerContextEncoding:
        content = json.loads((directory / VIEWER_CONTEXT_FILE).read_text())
        return cls({name: Vocabulary(tuple(values)) for name, values in content.items()})

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return tuple(len(vocabulary) + 1 for vocabulary in self.categories.values())

    def encode(self, columns: Columns) -> Array:
        """(B, categories) int64."""
        return np.stack([vocabulary.codes(columns[name]) for name, vocabulary in self.categories.items()], axis=1)
