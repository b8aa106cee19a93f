"""The layers of the two-tower network.

B viewers, T tokens, H heads, E numbers of a head, D dimensions, N videos, F content numbers, C categories of viewer
context.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.export import exported
from models.program import Program
from models.retrieval.tower_config import TowerConfig

AGES = 32  # buckets of the age of a watch: powers of two, in seconds
CONTEXT_DROPOUT = 0.1  # per category, and all at once, so that requests without context work


class Dropout(nn.Module):
    """Dropout whose mask on a CPU is made of random bytes: torch's takes a seventh of the training time there.

    The probability is rounded to a 256th.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropped = round(256 * p)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.dropped:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.dropped / 256)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept * (256 / (256 - self.dropped))).to(x.dtype)


class ContentTower(nn.Module):
    """Content -> vector; the only vector of a new video."""

    def __init__(self, numbers: int, creators: int, languages: int, config: TowerConfig) -> None:
        super().__init__()
        self.numbers = numbers
        self.creator = nn.Embedding(creators + 1, config.creator_dim)
        self.language = nn.Embedding(languages + 1, 4)
        self.hidden = nn.Linear(numbers + config.creator_dim + 4, 2 * config.dim)
        self.out = nn.Linear(2 * config.dim, config.dim)
        for table in (self.creator, self.language):
            nn.init.normal_(table.weight, std=0.1)
            nn.init.zeros_(table.weight[0].detach())  # code 0, unknown, adds nothing until trained
        nn.init.normal_(self.out.weight, std=0.02 / config.dim**0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, numbers_NF: Tensor, creator_N: Tensor, language_N: Tensor) -> Tensor:
        joined = torch.cat([numbers_NF, self.creator(creator_N), self.language(language_N)], dim=1)
        vector_ND: Tensor = self.out(functional.gelu(self.hidden(joined)))
        return vector_ND


def content_program(tower: ContentTower) -> Program:
    """The content tower as a program, which gives new videos their vectors without torch."""
    codes = np.zeros(2, dtype=np.int64)
    inputs: dict[str, Any] = {
        "numbers": np.zeros((2, tower.numbers), dtype=np.float32),
        "creator": codes,
        "language": codes,
    }
    return exported(tower.eval(), inputs, dict.fromkeys(inputs, (0,)))


class Block(nn.Module):
    """Pre-norm attention and feed-forward. Causal, with padding at the end: no real token ever sees a pad."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.dim)
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.mix = nn.Linear(config.dim, config.dim)
        self.forward_norm = nn.LayerNorm(config.dim)
        self.wide = nn.Linear(config.dim, 4 * config.dim)
        self.narrow = nn.Linear(4 * config.dim, config.dim)
        self.dropout = Dropout(config.dropout)
        self.age = nn.Embedding(AGES, config.heads) if config.time_bias != "none" else None
        if self.age is not None:
            nn.init.zeros_(self.age.weight)

    def forward(self, x_BTD: Tensor, age_BTT: Tensor | None) -> Tensor:
        """A state for every token; `age_BTT`: age bucket of the column's watch as seen from the row's moment."""
        q, k, v = (self._heads(part) for part in self.qkv(self.attention_norm(x_BTD)).chunk(3, dim=-1))
        if self.age is None or age_BTT is None:
            mixed_BHTE = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            bias_BHTT = self.age(age_BTT).movedim(-1, 1)
            tokens = x_BTD.shape[1]
            future_TT = torch.ones(tokens, tokens, dtype=torch.bool, device=x_BTD.device).triu(1)
            bias_BHTT = bias_BHTT.masked_fill(future_TT, float("-inf")).to(q.dtype)
            mixed_BHTE = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias_BHTT)
        return self._after(x_BTD, mixed_BHTE)

    def last(self, x_BTD: Tensor, count_B: Tensor, age_BTT: Tensor | None) -> Tensor:
        """(B, 1, D): what `forward` gives for the last real token, without computing the others."""
        last_B11 = (count_B - 1)[:, None, None]
        normed_BTD = self.attention_norm(x_BTD)
        at_B1D = last_B11.expand(-1, 1, x_BTD.shape[2])
        last_B1D, last_normed_B1D = x_BTD.gather(1, at_B1D), normed_BTD.gather(1, at_B1D)
        query, key_value = self.qkv.weight.tensor_split([x_BTD.shape[2]])
        query_bias, key_value_bias = self.qkv.bias.tensor_split([x_BTD.shape[2]])
        q = self._heads(functional.linear(last_normed_B1D, query, query_bias))
        k, v = (self._heads(part) for part in functional.linear(normed_BTD, key_value, key_value_bias).chunk(2, dim=-1))
        pad_B11T = (torch.arange(x_BTD.shape[1], device=x_BTD.device) > last_B11)[:, None]
        bias_BH1T = torch.zeros_like(pad_B11T, dtype=q.dtype)
        if self.age is not None and age_BTT is not None:
            age_B1T = age_BTT.gather(1, last_B11.expand(-1, 1, x_BTD.shape[1]))
            bias_BH1T = self.age(age_B1T).movedim(-1, 1).to(q.dtype)
        mask_BH1T = bias_BH1T.masked_fill(pad_B11T, float("-inf"))
        return self._after(last_B1D, functional.scaled_dot_product_attention(q, k, v, attn_mask=mask_BH1T))

    def _heads(self, x_BTD: Tensor) -> Tensor:
        x_BTHE: Tensor = x_BTD.unflatten(-1, (self.heads, -1))  # type: ignore[no-untyped-call]
        return x_BTHE.transpose(1, 2)

    def _after(self, x_BTD: Tensor, mixed_BHTE: Tensor) -> Tensor:
        x_BTD = x_BTD + self.dropout(self.mix(mixed_BHTE.transpose(1, 2).flatten(-2)))
        hidden = functional.gelu(self.wide(self.forward_norm(x_BTD)))
        out_BTD: Tensor = x_BTD + self.dropout(self.narrow(hidden))
        return out_BTD


class ViewerContextEmbedding(nn.Module):
    """Codes of the viewer context -> a vector added to the state: (..., C) -> (..., D). Code 0 (unknown) adds 0.

    A sum and not a layer over state and context: that had higher recall@50 but lower recall@10 (3 simulated seeds).
    """

    before_C: Tensor

    def __init__(self, cardinalities: Sequence[int], dim: int) -> None:
        super().__init__()
        *ends, rows = np.cumsum([0, *(size - 1 for size in cardinalities)]).tolist()
        self.register_buffer("before_C", torch.tensor(ends), persistent=False)
        self.table = nn.Embedding(1 + rows, dim, padding_idx=0)  # of all categories, one after the other
        nn.init.zeros_(self.table.weight)  # starts as if the context were unknown

    def forward(self, code_BTC: Tensor) -> Tensor:
        if self.training:
            kept_BTC = torch.rand(code_BTC.shape, device=code_BTC.device) >= CONTEXT_DROPOUT
            kept_BTC &= torch.rand(*code_BTC.shape[:-1], 1, device=code_BTC.device) >= CONTEXT_DROPOUT
            code_BTC = code_BTC * kept_BTC
        added_BTD: Tensor = self.table(torch.where(code_BTC > 0, code_BTC + self.before_C, 0)).sum(dim=-2)
        return added_BTD
