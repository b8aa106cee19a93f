"""The parts of a release: names, the steps that make them, how they are loaded, and which are required.

Training, composing, verifying, loading and reporting all read this table. A new part is a row here and a field of
models.release.artifact.Release.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.core.files import one_line
from models.candidates.fusion import Fusion
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AREA_FILE, AreaPopularity, Popularity
from models.page.exposure import ExposurePrices
from models.ranking.ranker import RankerModel
from models.release.manifest import ArtifactError
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex

EVALUATION_FILE = "evaluation.json"
COMPOSING = "promote"  # the step that makes the parts that are not in HOME/models


@dataclass(frozen=True)
class Part:
    """A file or folder of a release. Training writes it to HOME/models first, unless composing the release makes it.

    `refitted`: HOME/models may also hold the model refitted on everything, including the test window. A release then
    serves the refitted one under the plain name, and keeps the evaluated one beside it.
    """

    name: str
    made_by: str  # a step of training.release.run.RELEASE, or another verb of the command line
    field: str = ""  # of models.release.artifact.Release; "": not loaded
    load: Callable[[Path], Any] = Path
    proof: str = ""  # a file of the folder that the manifest must list
    required: bool = True
    trained: bool = True  # False: also in a first release, for which nothing was trained
    refitted: bool = False
    title: str = ""  # in reports

    @property
    def in_models(self) -> bool:
        """Whether training writes it to HOME/models."""
        return self.made_by != COMPOSING and "/" not in self.name

    @property
    def proven_by(self) -> str:
        return f"{self.name}/{self.proof}" if self.proof else self.name

    def read(self, path: Path) -> Any:
        """Load it. Raises ArtifactError naming the file or folder, whatever its parser raises."""
        logging.getLogger("torch.export").setLevel(
            logging.CRITICAL
        )  # it logs the trace of an error that we report in one line
        try:
            return self.load(path)
        except (MarqueeError, MemoryError):
            raise
        except Exception as error:  # torch, faiss, safetensors and LightGBM share no base class of errors
            name = getattr(error, "filename", None) or path
            raise ArtifactError(
                f"{name}: expected {self.name} as it was trained, found something else: {one_line(error)}; "
                f"{self._remedy}"
            ) from error

    @property
    def _remedy(self) -> str:
        is_verb = self.made_by in (COMPOSING, "evaluate", "frontier")
        return f"run `marquee {'' if is_verb else 'train '}{self.made_by}` again"

    def is_in(self, files: Collection[str]) -> bool:
        """Whether any of a manifest's files belong to this part."""
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
    Part("item_cf", "two-tower", "item_cf", ItemNeighbours.load, proof="ids.json", trained=False),
    Part("popularity", "two-tower", "popularity", Popularity.load, proof="popularity.json", trained=False),
    Part(f"popularity/{AREA_FILE}", "two-tower", "area", _load_area, required=False),
    Part("matrix_factorization", "two-tower", "factors", MatrixFactorization.load, required=False),
    Part("content_neighbours", "two-tower", "content", ItemNeighbours.load, required=False),
    Part("blend", "two-tower", "fusion", Fusion.load, required=False),
    Part("exposure", "frontier", "exposure", ExposurePrices.load, required=False),
    Part("index", COMPOSING, "index", VideoIndex.load, proof="ids.json"),
    Part("policy.toml", COMPOSING, "policy_path", trained=False),
    Part("static.json", COMPOSING, "static_videos", _load_static, trained=False),
    Part(EVALUATION_FILE, "evaluate", required=False),
)
REFITTED = tuple(part for part in PARTS if part.refitted)
BY_NAME = {part.name: part for part in PARTS}
# What must have been trained before a release can be evaluated and composed.
MODELS = tuple(part.name for part in PARTS if part.required and part.in_models)
REQUIRED_FILES = tuple(part.proven_by for part in PARTS if part.required)
REQUIRED_AT_FIRST = tuple(part.proven_by for part in PARTS if part.required and not part.trained)


def trained_two_tower(models: Path) -> RetrievalModel:
    """The model in HOME/models. Raises HomeError if it does not exist, ArtifactError if it is damaged."""
    found: RetrievalModel = _trained(models, "two_tower")
    return found


def trained_ranker(models: Path) -> RankerModel:
    """The model in HOME/models. Raises HomeError if it does not exist, ArtifactError if it is damaged."""
    found: RankerModel = _trained(models, "ranker")
    return found


def _trained(models: Path, name: str) -> Any:
    part = BY_NAME[name]
    if not (models / name).is_dir():
        raise HomeError(f"no {name} model at {models}: run `marquee train {part.made_by}` first")
    return part.read(models / name)


def made_by(step: str) -> list[str]:
    """The names in HOME/models of the parts that a step writes."""
    made = [part for part in PARTS if part.made_by == step and part.in_models]
    return [part.name for part in made] + [refitted_name(part.name) for part in made if part.refitted]


def judged_name(model: str) -> str:
    """The folder in a release of the evaluated model, beside the refitted one."""
    return f"{model}_judged"


def refitted_name(model: str) -> str:
    """The folder in HOME/models of the model refitted on everything, including the test window."""
    return f"{model}_refit"
