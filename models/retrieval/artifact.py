"""The trained two-tower model: a user tower as a program, video vectors, and the content tower for new videos.

B viewers, V videos of training, N other videos, D dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from feature_repo.compute.columns import Columns
from models.encoding.ranker import EncodingError
from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import VIEWER_CONTEXT, ViewerContextEncoding
from models.older import older_program
from models.program import Program
from models.retrieval.content import ContentEncoding
from models.retrieval.tower_config import TowerConfig

Array = np.ndarray[Any, Any]
ALONE_FILE = "content_alone.json"
CONTENT_VECTORS = "content_vectors.safetensors"
USER_TOWER, CONTENT_TOWER = "user_tower.onnx", "content_tower.onnx"
USER_FREE = {"tokens": (0, 1), "counts": (0,), "times": (0, 1), "asker": (0,)}  # viewers and tokens


@dataclass(frozen=True)
class ContentAlone:
    """Norm cap and age-dependent scale of content-only vectors, for videos unseen in training.

    Content unlike any in training can give a vector of any length: `loudest` is the largest norm allowed (0 = no
    limit). A video published before `before_us` is not new, but existed and was never watched: its vector is
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
    """The artifact of a trained two-tower network, for serving and evaluation."""

    program: Program  # the user tower
    sequences: SequenceEncoding
    item_vectors: Array  # (V, D) float32, rows as in video_ids
    content: ContentEncoding
    content_program: Program | None  # None: trained without content
    config: TowerConfig
    viewer_context: ViewerContextEncoding | None = None  # None: the user tower reads watches only
    alone: ContentAlone = ContentAlone()
    content_vectors: Array | None = None  # (V, D) float16 of unit length: what `embed` gives for the videos of training

    @property
    def video_ids(self) -> list[str]:
        return list(self.sequences.video_ids)

    @property
    def row_of(self) -> Mapping[str, int]:
        return self.sequences.token_of

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
        return self.program(*inputs)

    def embed(self, videos: Columns) -> Array:
        """(N, D) float32 from content alone, for videos published after training. Columns as in ContentEncoding.encode.

        All zeros when the model was trained without content: it knows nothing about new videos.
        """
        features = self.content.encode(videos)
        count = len(features.numbers_NF)
        if self.content_program is None or not count:
            return np.zeros((count, self.dim), dtype=np.float32)
        return self.content_program(features.numbers_NF, features.creator_N, features.language_N)

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.program.save(directory / USER_TOWER)
        if self.content_program is not None:
            self.content_program.save(directory / CONTENT_TOWER)
        save_file({"item_vectors": self.item_vectors}, directory / "video_vectors.safetensors")
        if self.content_vectors is not None:
            save_file({"content_vectors": self.content_vectors}, directory / CONTENT_VECTORS)
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
        sequences, content = SequenceEncoding(video_ids, config.length), ContentEncoding.load(directory)
        viewer_context = ViewerContextEncoding.load(directory) if config.asker else None
        inputs = example(sequences, config, viewer_context)
        alone, of_content = directory / ALONE_FILE, directory / CONTENT_VECTORS  # absent from older releases
        user, content_tower = _programs(directory, config, content, inputs)
        try:
            user(*inputs.values())
        except ValueError as error:
            raise EncodingError(
                f"{directory}: this user tower was exported by another version of Marquee: train again (marquee train)"
            ) from error
        return cls(
            program=user,
            sequences=sequences,
            item_vectors=load_file(directory / "video_vectors.safetensors")["item_vectors"],
            content=content,
            content_program=content_tower,
            config=config,
            viewer_context=viewer_context,
            alone=ContentAlone(**json.loads(alone.read_text())) if alone.exists() else ContentAlone(),
            content_vectors=load_file(of_content)["content_vectors"] if of_content.exists() else None,
        )


def _programs(
    directory: Path, config: TowerConfig, content: ContentEncoding, inputs: Mapping[str, Array]
) -> tuple[Program, Program | None]:
    """User tower and content tower, also of a release that an older revision exported from torch."""
    convert = older_program(directory / USER_TOWER)
    if convert is None:
        content_tower = Program(directory / CONTENT_TOWER) if config.content else None
        return Program(directory / USER_TOWER), content_tower
    import torch

    from models.retrieval.blocks import ContentTower, content_program

    user, _ = convert(inputs, USER_FREE)
    if not config.content:
        return user, None
    tower = ContentTower(content.numbers, len(content.creators), len(content.languages), config)
    weights = load_file(directory / "content_tower.safetensors")
    tower.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return user, content_program(tower)


def example(
    sequences: SequenceEncoding, config: TowerConfig, viewer_context: ViewerContextEncoding | None = None
) -> dict[str, Array]:
    """Example inputs of the user tower, two rows with some history, to export and test it with."""
    some = list(range(min(sequences.start, 3, sequences.length)))
    token_BT, count_B = sequences.pad([some, some[:1]])
    inputs = {"tokens": token_BT, "counts": count_B}
    if config.time_bias != "none" or viewer_context is not None:  # inputs are positional: context comes after times
        inputs["times"] = np.tile(np.arange(token_BT.shape[1] + 1.0), (2, 1))
    if viewer_context is not None:
        inputs["asker"] = np.zeros((2, len(viewer_context.cardinalities)), dtype=np.int64)
    return inputs
