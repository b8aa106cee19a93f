"""Trained models as functions of a table: what `mlflow.pyfunc.load_model("models:/NAME/VERSION")` opens.

    two-tower          watches of viewers -> the vector of each
    ranker             columns of candidates, as the ranker reads them -> probabilities of actions, and the score
    marquee-release    watches of viewers -> the videos nearest to each in the index of that release, which is read
                       from HOME/releases of the home that the record lies in: a moved home reads its own files

MLflow calls `_load_pyfunc` and `predict` by their names. A model answers with its own files and with the code that is
installed, without torch.

B viewers, N candidates, K nearest videos.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from feature_repo.compute.columns import Columns
from feature_repo.compute.past import PAST_COLUMNS
from models.encoding.ranker import IDS
from models.ranking.ranker import RankerModel
from models.release.artifact import verify
from models.release.manifest import ArtifactError
from models.release.parts import BY_NAME
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]
Table = Mapping[str, Any]  # name -> column; a DataFrame is one as well
RELEASE_FILE = "release.json"
WATCHED, WATCHED_AT, NOW = "watched", "watched_at_us", "now_us"  # ids and times of past watches, oldest first
NEAREST = 20


class Recorded(Protocol):
    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Any: ...


def opened(path: str | Path) -> Recorded:
    """`path`: the folder of a trained model, named as in a release, or RELEASE_FILE in a home. Raises ArtifactError."""
    place = Path(path)
    if place.name == RELEASE_FILE:
        return ReleaseTable.of(_release_of(place))
    model = BY_NAME[place.name].read(place)
    return TwoTowerTable(model) if isinstance(model, RetrievalModel) else RankerTable(model)


_load_pyfunc = opened


def _release_of(file: Path) -> Path:
    release_id = str(json.loads(file.read_text())["release_id"])
    for parent in file.resolve().parents:
        if (parent / "releases" / release_id).is_dir():
            return parent / "releases" / release_id
    raise ArtifactError(
        f"{file}: expected to lie in a home whose releases/ holds {release_id}: it was removed when newer ones were "
        "made, or this record was copied out of its home"
    )


@dataclass(frozen=True)
class TwoTowerTable:
    model: RetrievalModel

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> Array:
        """Rows of WATCHED, WATCHED_AT, NOW and VIEWER_CONTEXT, where the model reads that -> (B, D) float32."""
        context = self.model.viewer_context
        return self.model.user_vectors(
            [[str(video_id) for video_id in ids] for ids in table[WATCHED]],
            [[int(at) for at in times] for times in table[WATCHED_AT]],
            np.asarray(table[NOW], dtype=np.int64),
            None if context is None else {name: np.asarray(table[name], dtype=object) for name in context.categories},
        )


@dataclass(frozen=True)
class RankerTable:
    model: RankerModel

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> dict[str, Array]:
        """Rows of the columns that models/encoding/ranker.py makes -> HEADS and score, each (N,) float32."""
        return self.model.score({str(name): _column(str(name), table[name]) for name in table})


@dataclass(frozen=True)
class ReleaseTable:
    retrieval: RetrievalModel
    index: VideoIndex

    @classmethod
    def of(cls, release: Path) -> ReleaseTable:
        verify(release)
        return cls(*(BY_NAME[part].read(release / part) for part in ("two_tower", "index")))

    def predict(self, table: Any, params: Mapping[str, Any] | None = None) -> dict[str, list[Any]]:
        """As for TwoTowerTable -> `video_ids` and `scores`, K each, the nearest first."""
        vectors_BD = TwoTowerTable(self.retrieval).predict(table)
        ids_BK, scores_BK = self.index.search(vectors_BD, min(NEAREST, len(self.index)))
        return {"video_ids": ids_BK.tolist(), "scores": scores_BK.tolist()}


def two_tower_example(model: RetrievalModel) -> dict[str, list[Any]]:
    """Two viewers who have watched videos that the model knows."""
    some = model.video_ids[:3]
    table: dict[str, list[Any]] = {WATCHED: [some, some[:1]]}
    table[WATCHED_AT] = [[(at + 1) * 60_000_000 for at in range(len(ids))] for ids in table[WATCHED]]
    table[NOW] = [3_600_000_000] * 2
    if model.viewer_context is not None:
        known = model.viewer_context.categories
        table |= {name: [*vocabulary.values[:1], ""][:1] * 2 for name, vocabulary in known.items()}
    return table


def ranker_example(model: RankerModel, columns: Columns) -> dict[str, list[Any]]:
    """These rows of training, with what a caller has to give: the model looks rates up itself."""
    looked_up = model.encoding.rates.names() if model.encoding.rates is not None else ()
    return {
        name: [_plain(value) for value in np.asarray(column).tolist()]
        for name, column in columns.items()
        if name not in looked_up
    }


def _column(name: str, column: Any) -> Array:
    """(N,) float32 numbers, (N,) object categories, (N, PAST) histories."""
    if name in PAST_COLUMNS:
        return np.array([list(row) for row in column], dtype=object if name == PAST_COLUMNS[0] else np.float32)
    values = np.asarray(column)
    return values.astype(object if name in IDS or values.dtype.kind in "OUS" else np.float32)


def _plain(value: Any) -> Any:
    return "" if value is None else value
