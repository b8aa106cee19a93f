"""evaluation.json: the figures of the candidate models, in HOME/models and in the release made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from feature_repo.core.errors import HomeError
from feature_repo.core.files import read_json, write_atomic
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from models.release.parts import EVALUATION_FILE, MODELS

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Evaluation:
    """Independent of the clock: the same models have the same evaluation."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]  # to print: name -> rows
    metrics: Mapping[str, Mapping[str, Figures]]  # for the gates: name -> model -> figures
    models: Mapping[str, str]  # what was measured: name in HOME/models -> hash of its files

    def to_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def write(self, directory: Path) -> None:
        write_atomic(directory / EVALUATION_FILE, json.dumps(self.to_json(), indent=1) + "\n")

    @classmethod
    def read(cls, directory: Path) -> Evaluation:
        """Raises FileError for a file that is none."""

        def of(content: Any) -> Evaluation:
            return msgspec.convert({field.name: content.get(field.name, {}) for field in fields(cls)}, cls)

        return read_json(directory / EVALUATION_FILE, of, "an evaluation", "run `marquee evaluate` again")


def require_models(home: Home) -> None:
    """Raises HomeError unless HOME/models holds every model that a release needs."""
    for name in MODELS:
        if not (home.models / name).is_dir():
            raise HomeError(f"no {name} model at {home.models}: run `marquee train` first")


def current_evaluation(home: Home) -> Evaluation:
    """The evaluation in HOME/models. Raises HomeError unless it is of the models that are there now."""
    require_models(home)
    if not (home.models / EVALUATION_FILE).exists():
        raise HomeError(f"the models at {home.models} were not evaluated: run `marquee evaluate` first")
    evaluation = Evaluation.read(home.models)
    stale = [name for name, measured in evaluation.models.items() if directory_id(home.models / name) != measured]
    if stale:
        raise HomeError(f"{', '.join(stale)} changed since the evaluation: run `marquee evaluate` again")
    return evaluation


def candidate_ids(home: Home) -> dict[str, str]:
    """The models that an evaluation measures: name -> hash of their files."""
    return {name: directory_id(home.models / name) for name in MODELS}
