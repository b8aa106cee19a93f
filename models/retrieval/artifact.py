"""The trained two-tower model: a user tower as a program, video vectors, and the content tower for new videos.

B viewers, V videos of training, N other videos, D dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from feature_repo.compute.columns import Columns
from models.encoding.ranker import EncodingError
from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import VIEWER_CONTEXT, ViewerContextEncoding
from models.program import called, exported
from models.retrieval.blocks import ContentTower
from models.retrieval.content import ContentEncoding
from models.retrieval.tower_config import TowerConfig
from models.retrieval.two_tower import TwoTower, user_tower

Array = np.ndarray[Any, Any]
ALONE_FILE = "content_alone.json"


@dataclass(frozen=True)
class ContentAlone:
    """Norm cap and age-dependent scale of content-only vectors, for videos unseen in training.

    Content unlike any in training can give a vector of any length: `loudest` is the largest norm allowed (0 = no
    limit). A video published before `before_us` is not new, it was there and nobody watched it: its vector is
    multiplied by `scale`. training/fit/cold_start.py chooses these values.
    """

    loudest: float = 0.0
    scale: float = 1.0
    before_us: int = 0

    def of(self, content_ND: Array, published_us_N: Array) -> Array:
        """(N, D) float32."""
        length_N1 = np.linalg.norm(content_ND, axis=1, keepdims=True)
        kept_N1 = np.minimum(1.0, self.loudest / np.maximum(length_N1, 1e-9)) if self.loudest else 1.0
        scale_N1 = np.where(published_us_N < self.before_us, self.scale, 1.0)[:, None]
        vectors: Array = (content_ND * kept_N1 * scale_N1).astype(np.float32)
        return vectors


@dataclass(frozen=True)
class RetrievalModel:
    """What training leaves of a two-tower network, for serving and for evaluation."""

    program: torch.export.ExportedProgram
    sequences: SequenceEncoding
    item_vectors: Array  # (V, D) float32, rows as in video_ids
    content: ContentEncoding
    content_weights: dict[str, Array]
    config: TowerConfig
    viewer_context: ViewerContextEncoding | None = None  # None: the user tower reads watches only
    alone: ContentAlone = ContentAlone()

    def __post_init__(self) -> None:
        tower = ContentTower(self.content.numbers, len(self.content.creators), len(self.content.languages), self.config)
        tower.load_state_dict({name: torch.from_numpy(value) for name, value in self.content_weights.items()})
        object.__setattr__(self, "_content_tower", tower.eval())
        object.__setattr__(self, "_user_tower", called(self.program))

    @classmethod
    def export(
        cls,
        network: TwoTower,
        sequences: SequenceEncoding,
        content: ContentEncoding,
        viewer_context: ViewerContextEncoding | None = None,
    ) -> RetrievalModel:
        """Freeze a trained network; batch size and history length stay dynamic."""
        tower = user_tower(network)
        batch = torch.export.Dim("batch", min=1, max=65_536)
        tokens = torch.export.Dim("tokens", min=1, max=network.config.length + 1)
        inputs = example(sequences, network.config, viewer_context)
        free = ({0: batch, 1: tokens}, {0: batch}, {0: batch, 1: tokens + 1}, {0: batch})[: len(inputs)]
        return cls(
            program=exported(tower, tuple(inputs.values()), free),
            sequences=sequences,
            item_vectors=tower.video_VD.numpy().copy(),
            content=content,
            content_weights={name: value.numpy().copy() for name, value in network.content.state_dict().items()},
            config=network.config,
            viewer_context=viewer_context,
        )

    @property
    def video_ids(self) -> list[str]:
        return list(self.sequences.video_ids)

    @property
    def dim(self) -> int:
        return self.config.dim

    def user_vectors(
        self,
        histories: Sequence[Sequence[str]],
        timestamps_us: Sequence[Sequence[int]],
        now_us: Array,
        viewer_context: Columns | None = None,
    ) -> Array:
        """See protocol.UserTower."""
        if self.viewer_context is not None and viewer_context is None:
            raise ValueError(f"this model reads the viewer context: expected columns {', '.join(VIEWER_CONTEXT)}")
        token_BT, count_B, time_BT = self.sequences.encode(histories, timestamps_us, now_us)
        if not len(count_B):
            return np.zeros((0, self.dim), dtype=np.float32)
        inputs = [token_BT, count_B, time_BT]
        if self.viewer_context is not None and viewer_context is not None:
            inputs.append(self.viewer_context.encode(viewer_context))
        elif self.config.time_bias == "none":
            del inputs[2]
        with torch.inference_mode():
            vectors: Array = self._user_tower(*(torch.from_numpy(part) for part in inputs)).numpy()  # type: ignore[attr-defined]
        return vectors

    def embed(self, videos: Columns) -> Array:
        """(N, D) float32 from content alone, for videos published after training. Columns as in ContentEncoding.encode.

        All zeros when the model was trained without content: it knows nothing about new videos.
        """
        features = self.content.encode(videos)
        if not self.config.content:
            return np.zeros((len(features.numbers_NF), self.dim), dtype=np.float32)
        with torch.inference_mode():
            vectors: Array = self._content_tower(  # type: ignore[attr-defined]
                torch.from_numpy(features.numbers_NF),
                torch.from_numpy(features.creator_N),
                torch.from_numpy(features.language_N),
            ).numpy()
        return vectors

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        torch.export.save(self.program, directory / "user_tower.pt2")
        save_file({"item_vectors": self.item_vectors}, directory / "video_vectors.safetensors")
        save_file(self.content_weights, directory / "content_tower.safetensors")
        self.content.save(directory)
        (directory / "video_ids.json").write_text(json.dumps(self.sequences.video_ids) + "\n")
        (directory / "config.json").write_text(json.dumps(asdict(self.config), indent=1) + "\n")
        (directory / ALONE_FILE).write_text(json.dumps(asdict(self.alone)) + "\n")
        if self.viewer_context is not None:
            self.viewer_context.save(directory)

    @classmethod
    def load(cls, directory: Path) -> RetrievalModel:
        config = TowerConfig(**json.loads((directory / "config.json").read_text()))
        video_ids = tuple(json.loads((directory / "video_ids.json").read_text()))
        alone = directory / ALONE_FILE  # absent from releases made by older revisions
        model = cls(
            program=torch.export.load(directory / "user_tower.pt2"),
            sequences=SequenceEncoding(video_ids, config.length),
            item_vectors=load_file(directory / "video_vectors.safetensors")["item_vectors"],
            content=ContentEncoding.load(directory),
            content_weights=load_file(directory / "content_tower.safetensors"),
            config=config,
            viewer_context=ViewerContextEncoding.load(directory) if config.asker else None,
            alone=ContentAlone(**json.loads(alone.read_text())) if alone.exists() else ContentAlone(),
        )
        try:
            model.program.module()(*example(model.sequences, config, model.viewer_context).values())
        except (RuntimeError, TypeError, ValueError) as error:
            raise EncodingError(
                f"{directory}: this user tower was exported by another version of Marquee: train again (marquee train)"
            ) from error
        return model


def example(
    sequences: SequenceEncoding, config: TowerConfig, viewer_context: ViewerContextEncoding | None = None
) -> dict[str, Tensor]:
    """Example inputs of the user tower, two rows with some history: torch.export and MLflow trace it with them."""
    some = list(range(min(sequences.start, 3, sequences.length)))
    token_BT, count_B = sequences.pad([some, some[:1]])
    inputs = {"tokens": torch.from_numpy(token_BT), "counts": torch.from_numpy(count_B)}
    if config.time_bias != "none" or viewer_context is not None:  # inputs are positional: context comes after times
        inputs["times"] = torch.arange(token_BT.shape[1] + 1.0, dtype=torch.float64).repeat(2, 1)
    if viewer_context is not None:
        inputs["asker"] = torch.zeros(2, len(viewer_context.cardinalities), dtype=torch.int64)
    return inputs
