"""The two-tower retrieval model: a causal transformer over a viewer's watches, and one vector per video.

B viewers, T tokens (a start token, then the history, oldest first; padded at the end), V videos, D dimensions,
F content numbers, C categories of viewer context.

    video vector = id embedding + content projection     (the id is dropped at random, so that content alone works)
    user vector  = last state of SASRec (Kang & McAuley 2018), pre-norm, over the video vectors; score = dot product

Positions count from the end of the longest possible history: the newest watch always has the same position. Every row
begins with the start token; alone, it gives the vector of an unknown viewer. With `time_bias`, attention also sees how
long ago each watch was (HSTU, Zhai et al. 2024, the temporal half of its relative bias): "history" counts from the
newest watch, "query" from the moment whose next watch is predicted. With `asker`, the viewer context
(models/encoding/viewer_context.py) of that moment is added to the last state.

`TwoTower` is the trainable network; `retrieval_model` makes the artifact of it (models/retrieval/artifact.py), which
serving runs without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import ViewerContextEncoding
from models.export import exported
from models.retrieval.artifact import USER_FREE, RetrievalModel, example
from models.retrieval.blocks import AGES, Block, ContentTower, Dropout, ViewerContextEmbedding, content_program
from models.retrieval.content import ContentEncoding, ContentFeatures
from models.retrieval.tower_config import TowerConfig

Array = np.ndarray[Any, Any]


class TowerInputs(NamedTuple):
    """Inputs of the user tower."""

    token_BT: Tensor  # int64; token V is the start token
    count_B: Tensor  # number of real (not padding) tokens per row
    time_BT: Tensor | None = None  # (B, T + 1) float64 seconds: of each token, and last of the request
    context: Tensor | None = None  # int64 codes: (B, T, C) of the watch after each token; for the last state (B, C)

    def to(self, device: torch.device) -> TowerInputs:
        time_BT, context = (part if part is None else part.to(device) for part in self[2:])
        return TowerInputs(self.token_BT.to(device), self.count_B.to(device), time_BT, context)


class SequenceTower(nn.Module):
    """Vectors of tokens -> a state after each token."""

    def __init__(self, config: TowerConfig, cardinalities: Sequence[int] = ()) -> None:
        """`cardinalities`: how many codes each category of the viewer context has."""
        super().__init__()
        self.length = config.length
        self.scale = config.dim**0.5
        self.time_bias = config.time_bias
        self.position = nn.Embedding(config.length + 1, config.dim)  # 0: the start token
        self.start = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.dim)
        self.asker = ViewerContextEmbedding(cardinalities, config.dim) if config.asker else None
        nn.init.normal_(self.position.weight, std=0.02)

    def table(self, video_VD: Tensor) -> Tensor:
        """(V + 1, D): the embedding of each token."""
        return torch.cat([video_VD, self.start[None]])

    def forward(self, table_WD: Tensor, inputs: TowerInputs) -> Tensor:
        """(B, T, D). `table_WD` is the result of `table`."""
        x_BTD, age_BTT = self._embed(table_WD, inputs.token_BT, inputs.count_B), self._ages(inputs.time_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, age_BTT)
        return self._with_context(x_BTD, inputs.context)

    def last(self, table_WD: Tensor, inputs: TowerInputs) -> Tensor:
        """(B, D): the state after the last real token. Of the last block, only that token is computed."""
        x_BTD, age_BTT = self._embed(table_WD, inputs.token_BT, inputs.count_B), self._ages(inputs.time_BT)
        *whole, final = self.blocks
        for block in whole:
            x_BTD = block(x_BTD, age_BTT)
        x_B1D = final.last(x_BTD, inputs.count_B, age_BTT)  # type: ignore[operator]
        return self._with_context(x_B1D, None if inputs.context is None else inputs.context[:, None])[:, 0]

    def _with_context(self, x_BTD: Tensor, context_BTC: Tensor | None) -> Tensor:
        if self.asker is not None and context_BTC is not None:
            x_BTD = x_BTD + self.asker(context_BTC)
        state_BTD: Tensor = self.norm(x_BTD)
        return state_BTD

    def _ages(self, time_BT: Tensor | None) -> Tensor | None:
        """(B, T, T) age buckets, powers of two of seconds: how long before the row's moment the column's watch was."""
        if self.time_bias == "none" or time_BT is None:
            return None
        asks_BT = time_BT[:, 1:] if self.time_bias == "query" else time_BT[:, :-1]
        seconds_BTT = (asks_BT[:, :, None] - time_BT[:, None, :-1]).float()
        return torch.log2(seconds_BTT.clamp(min=0.5) * 2.0).long().clamp(max=AGES - 1)

    def _embed(self, table_WD: Tensor, token_BT: Tensor, count_B: Tensor) -> Tensor:
        step_T = torch.arange(token_BT.shape[1], device=token_BT.device)
        from_end_BT = (self.length + 1 - count_B[:, None] + step_T).clamp(0, self.length)
        position_BT = torch.where(step_T == 0, 0, from_end_BT)
        x_BTD: Tensor = self.dropout(functional.embedding(token_BT, table_WD) * self.scale + self.position(position_BT))
        return x_BTD


class TwoTower(nn.Module):
    """Both towers; `content` holds the V videos of training."""

    numbers_VF: Tensor
    creator_V: Tensor
    language_V: Tensor

    def __init__(
        self,
        content: ContentFeatures,
        creators: int,
        languages: int,
        config: TowerConfig,
        cardinalities: Sequence[int] = (),
    ) -> None:
        """`cardinalities`: how many codes each category of the viewer context has."""
        super().__init__()
        videos, numbers = content.numbers_NF.shape
        self.config = config
        self.id_embedding = nn.Embedding(videos, config.dim)
        nn.init.normal_(self.id_embedding.weight, std=0.02)
        self.content = ContentTower(numbers, creators, languages, config)
        self.sequence = SequenceTower(config, cardinalities)
        self.register_buffer("numbers_VF", torch.from_numpy(content.numbers_NF), persistent=False)
        self.register_buffer("creator_V", torch.from_numpy(content.creator_N), persistent=False)
        self.register_buffer("language_V", torch.from_numpy(content.language_N), persistent=False)

    def video_vectors(self, rows: Tensor | None = None) -> Tensor:
        """(V, D), or only some rows; in training each video's id is dropped with probability id_dropout."""
        at = slice(None) if rows is None else rows
        id_VD = self.id_embedding.weight[at]
        if self.training and self.config.id_dropout and self.config.content:
            kept_V = torch.rand(len(id_VD), 1, device=id_VD.device) >= self.config.id_dropout
            id_VD = id_VD * kept_V
        if not self.config.content:
            return id_VD
        content_VD: Tensor = self.content(self.numbers_VF[at], self.creator_V[at], self.language_V[at])
        return id_VD + content_VD

    def states(self, video_VD: Tensor, inputs: TowerInputs) -> Tensor:
        state_BTD: Tensor = self.sequence(self.sequence.table(video_VD), inputs)
        return state_BTD


class UserTower(nn.Module):
    """The user tower as served: the sequence tower over frozen video vectors, giving the last real token's state."""

    table_WD: Tensor

    def __init__(self, sequence: SequenceTower, video_VD: Tensor) -> None:
        super().__init__()
        self.sequence = sequence
        # Built once and not at each call: copying millions of vectors is slow.
        self.register_buffer("table_WD", sequence.table(video_VD).detach())

    @property
    def video_VD(self) -> Tensor:
        return self.table_WD[:-1]

    def forward(
        self, tokens: Tensor, counts: Tensor, times: Tensor | None = None, asker: Tensor | None = None
    ) -> Tensor:
        """Tokens (B, T) int64, real counts (B,) int64 -> (B, D). With a time bias also seconds (B, T + 1) float64, with
        `asker` also codes (B, C) int64 of the viewer context. Exported programs use these argument names."""
        return self.sequence.last(self.table_WD, TowerInputs(tokens, counts, times, asker))


def user_tower(network: TwoTower) -> UserTower:
    """The user tower of a trained network, for serving."""
    network.eval()
    with torch.no_grad():
        return UserTower(network.sequence, network.video_vectors()).eval()


def retrieval_model(
    network: TwoTower,
    sequences: SequenceEncoding,
    content: ContentEncoding,
    viewer_context: ViewerContextEncoding | None = None,
) -> RetrievalModel:
    """Freeze a trained network; batch size and history length stay dynamic."""
    tower, config = user_tower(network), network.config
    return RetrievalModel(
        program=exported(tower, example(sequences, config, viewer_context), USER_FREE),
        sequences=sequences,
        item_vectors=tower.video_VD.numpy().copy(),
        content=content,
        content_program=content_program(network.content) if config.content else None,
        config=config,
        viewer_context=viewer_context,
        content_vectors=_content_directions(network) if config.content else None,
    )


def _content_directions(network: TwoTower) -> Array:
    with torch.no_grad():
        vectors_VD = network.content(network.numbers_VF, network.creator_V, network.language_V)
        directions: Array = functional.normalize(vectors_VD, dim=1).numpy().astype(np.float16)
    return directions
