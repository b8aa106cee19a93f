"""Target attention: each candidate attends to what its viewer watched last.

The idea of DIN (Zhou et al. 2018, "Deep interest network") with the heads of a transformer (Vaswani et al. 2017,
§3.2): the watches that resemble this candidate count. Videos are represented by the two-tower model's vectors, which
are not trained further; videos without one are masked out of the past.

R viewers at a moment, G candidates of each, P past watches, V videos and one row for the unknown, H heads, E numbers
of all heads together.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.encoding.ranker import MAX_AGE


class Past(NamedTuple):
    """Fields as in `models.encoding.ranker.RankerInputs`."""

    video_RG: Tensor
    past_RP: Tensor
    facts_RP2: Tensor


class VideoTables(nn.Module):
    """Query, key and value of every video: (V, E) each."""

    video_VD: Tensor

    def __init__(self, video_VD: Tensor, width: int) -> None:
        super().__init__()
        dim = video_VD.shape[1]
        length_V1 = video_VD.norm(dim=1, keepdim=True).clamp(min=1e-9)
        self.register_buffer("video_VD", video_VD / length_V1 * dim**0.5, persistent=False)
        self.query, self.key, self.value = (nn.Linear(dim, width) for _ in range(3))

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.query(self.video_VD), self.key(self.video_VD), self.value(self.video_VD)


class FrozenTables(nn.Module):
    """The same tables computed once after training, for serving."""

    query_VE: Tensor
    key_VE: Tensor
    value_VE: Tensor

    def __init__(self, trained: VideoTables) -> None:
        super().__init__()
        with torch.no_grad():
            for name, table in zip(("query_VE", "key_VE", "value_VE"), trained(), strict=True):
                self.register_buffer(name, table.clone())

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.query_VE, self.key_VE, self.value_VE


class TargetAttention(nn.Module):
    """Per candidate: the attended past, its product with the query, the query, and how long the past is."""

    def __init__(self, video_VD: Tensor, heads: int = 4, width: int = 32, dropout: float = 0.2) -> None:
        """`video_VD`: rows by code; row 0, of unknown videos, has to be zeros."""
        super().__init__()
        self.heads = heads
        self.out_features = 3 * width + 1
        self.tables: nn.Module = VideoTables(video_VD, width)
        self.key_facts, self.value_facts = (nn.Linear(2, width, bias=False) for _ in range(2))
        self.age = nn.Embedding(int(MAX_AGE) + 1, heads)
        nn.init.zeros_(self.age.weight)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Past) -> Tensor:
        """(R, G, out_features)."""
        query_VE, key_VE, value_VE = self.tables()
        known_RP = inputs.past_RP > 0
        key_RPE = key_VE[inputs.past_RP] + self.key_facts(inputs.facts_RP2)
        value_RPE = value_VE[inputs.past_RP] + self.value_facts(inputs.facts_RP2)
        query_RGE = query_VE[inputs.video_RG]
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (query_RGE, key_RPE, value_RPE)
        )
        age_RP = (inputs.facts_RP2[:, :, 0] * MAX_AGE).long().clamp(0, int(MAX_AGE))
        bias_RHP = self.age(age_RP).transpose(1, 2).masked_fill(~known_RP[:, None], -1e4)
        logit_RHGP = query @ key.transpose(2, 3) / key.shape[3] ** 0.5 + bias_RHP[:, :, None]
        share_RHGP = logit_RHGP.softmax(dim=3) * known_RP[:, None, None]
        past_RGE = (share_RHGP @ value).transpose(1, 2).flatten(2)
        joined_RGI = self.dropout(torch.cat([past_RGE, past_RGE * query_RGE, query_RGE], dim=2))
        length_R1 = known_RP.float().mean(dim=1, keepdim=True)
        return torch.cat([joined_RGI, length_R1[:, None].expand(-1, query_RGE.shape[1], -1)], dim=2)
