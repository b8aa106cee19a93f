"""The parts of a release: what each is called, who makes it, who reads it, and whether a release may lack it.

This table is read wherever parts are made, composed, verified, loaded or reported: a new part is a row here and a field
of models.release.artifact.Release.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.candidates.fusion import Fusion
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AREA_FILE, AreaPopularity, Popularity
from models.page.exposure import ExposurePrices
from models.ranking.ranker import RankerModel
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex

EVALUATION_FILE = "evaluation.json"
COMPOSING = "promote"  # the step that makes what does not lie in HOME/models


@dataclass(frozen=True)
class Part:
    """A file or folder of a release, and before that of HOME/models unless composing a release makes it.

    `refitted`: HOME/models also holds the model after it learned from the test window. A release then serves that one
    under the plain name, and keeps the one which was judged beside it.
    """

    name: str
    made_by: str  # a step of training.release.run.RELEASE, or another verb
    field: str = ""  # of models.release.artifact.Release; "": not loaded
    load: Callable[[Path], Any] = Path
    proof: str = ""  # the file of a folder by which a manifest shows that the part is whole
    required: bool = True
    refitted: bool = False
    title: str = ""  # in the words of a report

    @property
    def in_models(self) -> bool:
        """Whether it lies in HOME/models, as a whole, until a release is composed of it."""
        return self.made_by != COMPOSING and "/" not in self.name

    @property
    def proven_by(self) -> str:
        return f"{self.name}/{self.proof}" if self.proof else self.name

    def is_in(self, files: Collection[str]) -> bool:
        """Whether a manifest that lists these files lists some of this part."""
        return self.name in files or any(file.startswith(f"{self.name}/") for file in files)


def _load_area(file: Path) -> AreaPopularity:
    return AreaPopularity.load(file.parent)


def _load_static(file: Path) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(file.read_text()))


PARTS = (
    Part(
        "two_tower",
        "two-tower",
        "retrieval",
        RetrievalModel.load,
        proof="config.json",
        refitted=True,
        title="Two-tower model (finds candidates)",
    ),
    Part(
        "ranker",
        "ranker",
        "ranker",
        RankerModel.load,
        proof="config.json",
        refitted=True,
        title="Ranker (orders them)",
    ),
    Part("item_cf", "two-tower", "item_cf", ItemNeighbours.load, proof="ids.json"),
    Part("popularity", "two-tower", "popularity", Popularity.load, proof="popularity.json"),
    Part(f"popularity/{AREA_FILE}", "two-tower", "area", _load_area, required=False),
    Part("matrix_factorization", "two-tower", "factors", MatrixFactorization.load, required=False),
    Part("content_neighbours", "two-tower", "content", ItemNeighbours.load, required=False),
    Part("blend", "two-tower", "fusion", Fusion.load, required=False),
    Part("exposure", "frontier", "exposure", ExposurePrices.load, required=False),
    Part("index", COMPOSING, "index", VideoIndex.load, proof="ids.json"),
    Part("policy.toml", COMPOSING, "policy_path"),
    Part("static.json", COMPOSING, "static_videos", _load_static),
    Part(EVALUATION_FILE, "evaluate", required=False),
)
REFITTED = tuple(part for part in PARTS if part.refitted)
# What must be trained before it can be evaluated and released.
MODELS = tuple(part.name for part in PARTS if part.required and part.in_models)
REQUIRED_FILES = tuple(part.proven_by for part in PARTS if part.required)


def made_by(step: str) -> list[str]:
    """The names in HOME/models of what this step writes for a release."""
    made = [part for part in PARTS if part.made_by == step and part.in_models]
    return [part.name for part in made] + [refitted_name(part.name) for part in made if part.refitted]


def judged_name(model: str) -> str:
    """Beside a refitted model in a release: the one that was evaluated, which has not seen the test window."""
    return f"{model}_judged"


def refitted_name(model: str) -> str:
    """Beside a trained model in HOME/models: the same after it learned from everything, the test window included."""
    return f"{model}_refit"
