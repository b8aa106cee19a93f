"""Cross-entropy over a catalog: a full softmax below FULL_SOFTMAX_BELOW videos, a corrected sampled one above.

N positions (without padding), V videos, S sampled negatives, D dimensions.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

FULL_SOFTMAX_BELOW = 50_000
EVEN_ROWS = 64
CHUNK_BYTES = 3 << 20  # of logits computed at once: they fit a core's cache


def full_cross_entropy(
    state_ND: Tensor,
    video_VD: Tensor,
    target_N: Tensor,
    dtype: torch.dtype = torch.bfloat16,
    weight_N: Tensor | None = None,
) -> Tensor:
    """Mean of -log softmax(state @ video.T)[target], weighted by `weight_N`, computed chunk by chunk: the (N, V) matrix
    is never materialized.

    Loss and gradient share one pass over each chunk of logits, which are of `dtype`; sums are float32.
    """
    weight_N = torch.ones_like(target_N, dtype=state_ND.dtype) if weight_N is None else weight_N
    loss: Tensor = _FullCrossEntropy.apply(state_ND, video_VD, target_N, weight_N, dtype)  # type: ignore[no-untyped-call]
    return loss


def sampled_cross_entropy(
    state_ND: Tensor,
    target_ND: Tensor,
    sample_SD: Tensor,
    target_N: Tensor,
    sample_S: Tensor,
    log_q_V: Tensor,
    weight_N: Tensor | None = None,
) -> Tensor:
    """`full_cross_entropy` with its sum estimated from S videos drawn with probability q: the logQ correction.

    Each sampled video j stands for 1 / (S q_j) of itself (importance sampling, Bengio & Senécal 2008); the target is
    always included, counts once, and is excluded from the samples.
    """
    target_logit_N = (state_ND * target_ND).sum(dim=1)
    expected_S = log_q_V[sample_S] + math.log(len(sample_S))
    other_NS = state_ND @ sample_SD.T - expected_S
    other_NS = other_NS.masked_fill(target_N[:, None] == sample_S[None, :], float("-inf"))
    logits_NC = torch.cat([target_logit_N[:, None], other_NS], dim=1)
    loss_N = torch.nn.functional.cross_entropy(logits_NC, torch.zeros_like(target_N), reduction="none")
    return loss_N.mean() if weight_N is None else (loss_N * weight_N).sum() / weight_N.sum()


class _FullCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, state_ND: Tensor, video_VD: Tensor, target_N: Tensor, weight_N: Tensor, dtype: torch.dtype
    ) -> Tensor:
        positions, videos = len(state_ND), len(video_VD)
        # oneDNN compiles for every new shape: padding to EVEN_ROWS keeps the last chunks to a few sizes.
        spare = -positions % EVEN_ROWS
        state = torch.nn.functional.pad(state_ND.to(dtype), (0, 0, 0, spare))
        target_N = torch.nn.functional.pad(target_N, (0, spare))
        total = weight_N.sum()
        weight_N1 = torch.nn.functional.pad(weight_N, (0, spare))[:, None]  # 0 for the padding: no loss and no gradient
        video = video_VD.to(dtype)
        grad_state_ND = torch.empty_like(state, dtype=state_ND.dtype)
        grad_video_VD = torch.zeros_like(video_VD)
        rows = max(EVEN_ROWS, CHUNK_BYTES // (videos * state.element_size()) // EVEN_ROWS * EVEN_ROWS)
        loss = state_ND.new_zeros(())
        for start in range(0, len(state), rows):
            chunk, target_C = state[start : start + rows], target_N[start : start + rows, None]
            weight_C1 = weight_N1[start : start + rows]
            p_CV = torch.softmax(chunk @ video.T, dim=1)
            target_p_C = p_CV.gather(1, target_C)
            loss -= (target_p_C.float().clamp(min=1e-30).log() * weight_C1).sum()
            p_CV.scatter_(1, target_C, target_p_C - 1.0)  # d loss / d logits
            grad_state_ND[start : start + rows] = (p_CV @ video) * weight_C1
            grad_video_VD += p_CV.T @ (chunk * weight_C1.to(dtype))
        scale = 1.0 / total if positions else total + 1.0
        ctx.save_for_backward(grad_state_ND[:positions].mul_(scale), grad_video_VD.mul_(scale))
        return loss * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_state_ND, grad_video_VD = ctx.saved_tensors
        return grad_state_ND * grads[0], grad_video_VD * grads[0], None, None, None
