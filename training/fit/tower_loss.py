"""The loss of the two-tower model: every real token predicts the next one, and what was broken off ranks below it.

N predicted tokens, V videos, M of them in a batch or its negatives, S negatives, D dimensions; P pairs of a predicted
token and a video that its viewer broke off before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from models.retrieval.losses import full_cross_entropy, sampled_cross_entropy
from models.retrieval.two_tower import TowerInputs, TwoTower
from training.fit.tower_batches import TrainingBatch


class _Asked(NamedTuple):
    """What a batch predicts, as tokens."""

    real_BT: Tensor  # bool: which states predict
    target_N: Tensor
    weight_N: Tensor
    at_P: Tensor  # places among the N
    broken_P: Tensor


@dataclass(frozen=True)
class NextWatchLoss:
    """The mean cross-entropy of the next watch, where finished or liked ones count `finished_weight` times; and

        broken_weight * sum_P softplus(score of the broken-off video - score of the watch) / sum_N weight

    the loss of BPR (Rendle et al. 2009, eq. 5), whose negative is no unseen video but one that its viewer rejected.
    It stands beside the softmax, whose sum it leaves as it is.

    `negatives`: how many are drawn per batch with probabilities `q_V`; 0: full softmax over all videos.
    """

    network: TwoTower
    device: torch.device
    q_V: Tensor
    negatives: int = 0
    finished_weight: float = 1.0
    broken_weight: float = 0.0

    def __call__(self, batch: TrainingBatch) -> Tensor:
        """Padding is dropped before the catalog's scores are computed."""
        batch = batch.to(self.device)
        asked = self._asked(batch)
        if self.negatives:
            return self._sampled(batch.inputs, asked)
        video_VD = self.network.video_vectors()
        state_ND = self._states(video_VD, batch.inputs)[:, :-1][asked.real_BT]
        loss = full_cross_entropy(state_ND, video_VD, asked.target_N, weight_N=asked.weight_N)
        return loss + self._broken(state_ND, video_VD, asked, torch.arange(len(video_VD), device=self.device))

    def _asked(self, batch: TrainingBatch) -> _Asked:
        token_BT, count_B = batch.inputs.token_BT, batch.inputs.count_B
        real_BT = torch.arange(token_BT.shape[1] - 1, device=self.device)[None, :] < count_B[:, None] - 1
        weight_N = torch.where(batch.strong_BT[real_BT], self.finished_weight, 1.0)
        broken_NK = batch.broken_BTK[real_BT]
        is_pair = (broken_NK >= 0) & bool(self.broken_weight)
        return _Asked(real_BT, token_BT[:, 1:][real_BT], weight_N, is_pair.nonzero()[:, 0], broken_NK[is_pair])

    def _sampled(self, inputs: TowerInputs, asked: _Asked) -> Tensor:
        """Computes only the vectors of videos in the batch or its negatives."""
        sample_S = torch.multinomial(self.q_V, self.negatives, replacement=True)
        start = len(self.q_V)  # the token after those of the videos
        named = torch.unique(torch.cat([inputs.token_BT[inputs.token_BT != start], sample_S, asked.broken_P]))
        place = torch.full((start + 1,), len(named), device=self.device)
        place[named] = torch.arange(len(named), device=self.device)
        video_MD = self.network.video_vectors(named)
        states = self._states(video_MD, inputs._replace(token_BT=place[inputs.token_BT]))
        state_ND = states[:, :-1][asked.real_BT]
        log_q_V = torch.log(self.q_V).float()
        target_ND, sample_SD = video_MD[place[asked.target_N]], video_MD[place[sample_S]]
        loss = sampled_cross_entropy(state_ND, target_ND, sample_SD, asked.target_N, sample_S, log_q_V, asked.weight_N)
        return loss + self._broken(state_ND, video_MD, asked, place)

    def _broken(self, state_ND: Tensor, video_MD: Tensor, asked: _Asked, place: Tensor) -> Tensor:
        """`place`: the row of a token among the M videos."""
        watched_PD, broken_PD = video_MD[place[asked.target_N[asked.at_P]]], video_MD[place[asked.broken_P]]
        margin_P = (state_ND[asked.at_P] * (watched_PD - broken_PD)).sum(dim=1)
        return self.broken_weight * torch.nn.functional.softplus(-margin_P).sum() / asked.weight_N.sum()

    def _states(self, video_VD: Tensor, inputs: TowerInputs) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.network.states(video_VD, inputs).float()
