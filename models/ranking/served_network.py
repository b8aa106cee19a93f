"""The ranker's network as serving runs it: what the candidates of a request share is computed once for all of them.

With inputs x = (c, s) of a candidate and of its request, weights W = (Wc, Ws) of the hidden layer, and the cross
x + x * (U V x + b) (models/ranking/network.py), the hidden layer reads

    Wc (c * (1 + b + U r)) + Ws (s * (1 + b)) + (Ws diag(s) U) r        with r = V x of 16 numbers

The second term and the matrix of the third follow from the request alone. Pieces of numbers are a product with a matrix
of their slopes, which is faster than selecting numbers and multiplying each by its own.

R requests, G candidates of each, N = R x G, F numbers, Q pieces, C candidates' inputs, S shared inputs, H hidden, A
actions, K rank of the cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from feature_repo.registry import side_of
from models.encoding.ranker import RankerEncoding
from models.export import exported
from models.ranking.network import Ranker
from models.ranking.ranker import FREE, HeadBlend, RankerModel, example
from models.ranking.target_attention import FrozenTables, Past
from models.ranking.trees import Trees

Array = np.ndarray[Any, Any]


class Pieces(nn.Module):
    """The piecewise-linear encodings of some of a network's numbers: (N, F) -> (N, Q)."""

    slope_FQ: Tensor
    start_Q: Tensor

    def __init__(self, network: Ranker, inputs: int, numbers: Sequence[int]) -> None:
        super().__init__()
        bent = network.bent_M.tolist()
        self.chosen = [at for at, number in enumerate(bent) if number in numbers]  # of the numbers that are not flags
        per_width_MK = network.per_width_MK[self.chosen]
        pieces = per_width_MK.shape[1]
        slope_FMK = torch.zeros(inputs, len(self.chosen), pieces)
        for at, place in enumerate(self.chosen):
            slope_FMK[bent[place], at] = per_width_MK[at]
        self.register_buffer("slope_FQ", slope_FMK.flatten(1))
        self.register_buffer("start_Q", network.start_MK[self.chosen].flatten())

    def forward(self, dense_NF: Tensor) -> Tensor:
        return torch.addmm(self.start_Q, dense_NF, self.slope_FQ).clamp(0.0, 1.0)


def frozen(network: Ranker) -> Ranker:
    """The trained network with the tables of its attention computed."""
    network = deepcopy(network).eval()
    network.attention.tables = FrozenTables(network.attention.tables)  # type: ignore[arg-type]
    return network


class ServedRanker(nn.Module):
    """A trained network, exported in its place: equal logits for candidates that share what a request determines."""

    hidden_bias_H: Tensor

    def __init__(self, network: Ranker, numbers: Sequence[bool], categories: Sequence[bool]) -> None:
        """`numbers`, `categories`: of each, whether all candidates of a request have the same."""
        super().__init__()
        network = frozen(network)
        inputs, pieces = len(numbers), network.per_width_MK.shape[1]
        self.of_candidates = Pieces(network, inputs, [at for at, same in enumerate(numbers) if not same])
        self.of_requests = Pieces(network, inputs, [at for at, same in enumerate(numbers) if same])
        self.shared = [at for at, same in enumerate(categories) if same]
        self.own = [at for at, same in enumerate(categories) if not same]
        self.embeddings, self.attention = network.embeddings, network.attention
        self.actions, self.position_bias = network.actions, network.position_bias
        parts: Any = network  # as `Ranker` makes them
        crosses, hidden = parts.hidden[0], parts.hidden[1]
        ((narrow, wide),) = zip(crosses.narrow, crosses.wide, strict=True)
        width = parts.embeddings[0].embedding_dim if len(parts.embeddings) else 0
        at_embedded = inputs + len(network.bent_M) * pieces
        at_attended = at_embedded + width * len(categories)
        length = at_attended + self.attention.out_features - 1  # how long the past is
        of_c = [*range(inputs), *_blocks(inputs, pieces, self.of_candidates.chosen)]
        of_c += [*_blocks(at_embedded, width, self.own), *range(at_attended, length)]
        of_s = [*_blocks(inputs, pieces, self.of_requests.chosen), *_blocks(at_embedded, width, self.shared), length]
        for name, at in (("c", of_c), ("s", of_s)):
            self.register_buffer(f"hidden_{name}", hidden.weight.detach()[:, at].T.contiguous())
            self.register_buffer(f"narrow_{name}", narrow.weight.detach()[:, at].T.contiguous())  # (C, K), (S, K)
            self.register_buffer(f"wide_{name}", wide.weight.detach()[at].contiguous())
            self.register_buffer(f"bias_{name}", 1.0 + wide.bias.detach()[at])
        self.register_buffer("hidden_bias_H", hidden.bias.detach().clone())

    hidden_c: Tensor
    hidden_s: Tensor
    narrow_c: Tensor
    narrow_s: Tensor
    wide_c: Tensor
    wide_s: Tensor
    bias_c: Tensor
    bias_s: Tensor

    def forward(
        self, dense_RGF: Tensor, categorical_RGC: Tensor, video_RG: Tensor, past_RP: Tensor, facts_RP2: Tensor
    ) -> Tensor:
        """(R, G, A) logits, as `Ranker` gives them."""
        dense_NF, categorical_NC = dense_RGF.flatten(0, 1), categorical_RGC.flatten(0, 1)
        first_RC = categorical_RGC[:, 0]
        attended_RGI = self.attention(Past(video_RG, past_RP, facts_RP2))
        own = [self.embeddings[at](categorical_NC[:, at]) for at in self.own]
        attended_NI = attended_RGI.flatten(0, 1)[:, :-1]
        c_NC = torch.cat([dense_NF, self.of_candidates(dense_NF), *own, attended_NI], dim=1)
        shared = [self.embeddings[at](first_RC[:, at]) for at in self.shared]
        s_RS = torch.cat([self.of_requests(dense_RGF[:, 0]), *shared, attended_RGI[:, 0, -1:]], dim=1)
        group = dense_RGF.shape[1]
        s_RK = s_RS @ self.narrow_s
        r_RGK = (c_NC @ self.narrow_c).unflatten(0, (-1, group)) + s_RK[:, None]
        r_NK = r_RGK.flatten(0, 1)
        crossed_NC = c_NC * torch.addmm(self.bias_c, r_NK, self.wide_c.T)
        constant_RH = torch.addmm(self.hidden_bias_H, s_RS * self.bias_s, self.hidden_s)
        turn_RKH = (s_RS[:, :, None] * self.wide_s).transpose(1, 2) @ self.hidden_s
        of_request_RGH = r_RGK @ turn_RKH + constant_RH[:, None]
        hidden_NH = torch.relu(crossed_NC @ self.hidden_c + of_request_RGH.flatten(0, 1))
        logits_NA: Tensor = self.actions(hidden_NH) + self.position_bias(categorical_NC[:, -1])
        return logits_NA.reshape(*video_RG.shape, -1)


def served(network: Ranker, encoding: RankerEncoding) -> nn.Module:
    """The trained network as serving runs it; a variant (examples/ranker) as it was trained."""
    if type(network) is not Ranker:
        return frozen(network)
    numbers, categories = (
        [side_of(name) == "request" for name in names] for names in (encoding.numbers, encoding.categories)
    )
    return ServedRanker(network, numbers, categories)


def ranker_model(
    network: Ranker,
    encoding: RankerEncoding,
    seconds_at_rank: Sequence[float] | Array,
    trees: Trees | None = None,
    blend: HeadBlend | None = None,
    retrieval: float = 0.0,
) -> RankerModel:
    """Freeze a trained network; the numbers of candidates and of viewers stay dynamic."""
    return RankerModel(
        program=exported(served(network, encoding), example(len(encoding.numbers), len(encoding.cardinalities)), FREE),
        encoding=encoding,
        seconds_at_rank=tuple(float(value) for value in seconds_at_rank),
        position_bias=network.position_bias.weight.detach().numpy().copy(),
        trees=trees or Trees(),
        blend=blend or HeadBlend(),
        retrieval=retrieval,
    )


def _blocks(start: int, width: int, chosen: Sequence[int]) -> list[int]:
    """The places of some of the blocks of `width` inputs that begin at `start`."""
    return [start + width * block + at for block in chosen for at in range(width)]
