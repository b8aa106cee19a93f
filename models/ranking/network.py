"""The ranker's network: reads numbers, categories and the viewer's past; gives a logit per action.

N candidates, F numbers (M of them not flags), K pieces of each, C categories, A actions (ACTIONS), I inputs, H hidden,
E experts; R viewers at a moment, G candidates of each, P past watches, V videos.

models/ranking/served_network.py makes the artifact of a trained network, which serving runs without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.encoding.ranker import RankerInputs
from models.ranking.ranker import ACTIONS, grouped, in_chunks
from models.ranking.target_attention import Past, TargetAttention

Array = np.ndarray[Any, Any]


class Crosses(nn.Module):
    """x + x0 * (U V x + b), layer upon layer: products of inputs (DCN-v2, Wang et al. 2021, eq. 3, low rank)."""

    def __init__(self, in_features: int, layers: int, rank: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.narrow = nn.ModuleList(nn.Linear(in_features, rank, bias=False) for _ in range(layers))
        self.wide = nn.ModuleList(nn.Linear(rank, in_features) for _ in range(layers))
        for layer in self.wide:
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]  # starts as the identity
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x0_NI: Tensor) -> Tensor:
        x_NI = x0_NI
        for narrow, wide in zip(self.narrow, self.wide, strict=True):
            x_NI = torch.addcmul(x_NI, x0_NI, wide(narrow(x_NI)))
        return x_NI


class GatedExperts(nn.Module):
    """Shared experts, mixed by a gate per action (MMoE, Ma et al. 2018): (N, H) -> (N, A)."""

    def __init__(self, width: int, actions: int, experts: int, dropout: float) -> None:
        super().__init__()
        self.experts, self.narrow = experts, width // 2
        self.expert = nn.Linear(width, experts * self.narrow)
        self.gate = nn.Linear(width, actions * experts)
        self.dropout = nn.Dropout(dropout)
        self.action = nn.Parameter(torch.randn(actions, self.narrow) / self.narrow**0.5)
        self.bias = nn.Parameter(torch.zeros(actions))

    def forward(self, shared_NH: Tensor) -> Tensor:
        hidden_NEH = self.dropout(torch.relu(self.expert(shared_NH))).unflatten(1, (self.experts, self.narrow))
        # Softmax over the experts as the middle of three dimensions: there torch takes a third of the time.
        gate_NEA = self.gate(shared_NH).unflatten(1, (-1, self.experts)).transpose(1, 2).softmax(dim=1)
        # Each expert's logit of an action, then the mixture: the same as mixing first, with far fewer multiplications.
        expert_NEA = hidden_NEH @ self.action.T
        logits_NA: Tensor = (gate_NEA * expert_NEA).sum(dim=1) + self.bias
        return logits_NA


class Ranker(nn.Module):
    """Numbers, their piecewise-linear encodings, embedded categories, target attention -> crosses -> experts -> logits.

    The piecewise-linear encoding over quantiles (Gorishniy et al. 2022, "On embeddings for numerical features", eq. 1)
    lets an MLP bend where trees split; without it the trees win. A flag gets none: its one piece would be the flag.
    The position of an exposure enters as a bias added to the logits (Zhao et al. 2019, "shallow tower"): it may explain
    a click but cannot interact with taste, and is constant when serving.
    """

    bent_M: Tensor
    per_width_MK: Tensor
    start_MK: Tensor

    def __init__(
        self,
        knots_FK: Tensor,
        cardinalities: Sequence[int],
        width: int = 128,
        embedding: int = 8,
        dropout: float = 0.3,
        video_VD: Tensor | None = None,
    ) -> None:
        """`video_VD`: the vectors of the encoding's videos by code; None: no vectors, and attention sees no past."""
        super().__init__()
        *categories, positions = cardinalities
        bent_M = (knots_FK.diff(dim=1) > 0).sum(dim=1).greater(1).nonzero()[:, 0]  # the M numbers that are not flags
        knots_MK = knots_FK[bent_M]
        per_width_MK = 1.0 / knots_MK.diff(dim=1).clamp(min=1e-3)  # knots that coincide make a step
        self.register_buffer("bent_M", bent_M)
        self.register_buffer("per_width_MK", per_width_MK)
        self.register_buffer("start_MK", -knots_MK[:, :-1] * per_width_MK)
        self.embeddings = nn.ModuleList(nn.Embedding(size, embedding) for size in categories)
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.05)  # type: ignore[arg-type]
        self.attention = TargetAttention(torch.zeros(1, 1) if video_VD is None else video_VD)
        inputs = len(knots_FK) + per_width_MK.numel() + embedding * len(categories) + self.attention.out_features
        self.hidden = nn.Sequential(
            Crosses(inputs, layers=1, rank=16), nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.actions: nn.Module = GatedExperts(width, len(ACTIONS), experts=4, dropout=dropout)
        self.position_bias = nn.Embedding(positions, len(ACTIONS))
        nn.init.zeros_(self.position_bias.weight)

    def forward(
        self, dense_RGF: Tensor, categorical_RGC: Tensor, video_RG: Tensor, past_RP: Tensor, facts_RP2: Tensor
    ) -> Tensor:
        """(R, G, A) logits of G candidates of each of R viewers. `tensors` makes these inputs of encoded rows."""
        dense_NF, categorical_NC = dense_RGF.flatten(0, 1), categorical_RGC.flatten(0, 1)
        bent_NM1 = dense_NF.index_select(1, self.bent_M)[:, :, None]
        pieces_NMK = torch.addcmul(self.start_MK, bent_NM1, self.per_width_MK).clamp(0.0, 1.0)
        embedded = [table(categorical_NC[:, at]) for at, table in enumerate(self.embeddings)]
        attended_NI = self.attention(Past(video_RG, past_RP, facts_RP2)).flatten(0, 1)
        input_NI = torch.cat([dense_NF, pieces_NMK.flatten(1), *embedded, attended_NI], dim=1)
        logits_NA: Tensor = self.actions(self.hidden(input_NI)) + self.position_bias(categorical_NC[:, -1])
        return logits_NA.reshape(*video_RG.shape, -1)


def tensors(inputs: RankerInputs) -> tuple[Tensor, ...]:
    """The network's inputs."""
    return tuple(torch.from_numpy(part) for part in grouped(inputs))


@torch.inference_mode()
def logits_of(network: nn.Module, inputs: RankerInputs) -> Array:
    """(N, A) float32."""
    return in_chunks(lambda *parts: network(*(torch.from_numpy(part) for part in parts)).numpy(), inputs)


def quantile_knots(dense_NF: Array, bins: int = 8) -> Tensor:
    """(F, bins + 1): the quantiles of each encoded number; the encoding of `Ranker` is linear between them."""
    quantiles_KF = np.quantile(dense_NF, np.linspace(0.0, 1.0, bins + 1), axis=0)
    return torch.from_numpy(np.ascontiguousarray(quantiles_KF.T, dtype=np.float32))
