"""The loss of the two-tower model: every real token predicts the next one.

N predicted tokens, V videos, M of them in a batch or its negatives, S negatives, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.retrieval.losses import full_cross_entropy, sampled_cross_entropy
from models.retrieval.two_tower import TowerInputs, TwoTower


@dataclass(frozen=True)
class NextWatchLoss:
    """`negatives`: how many are drawn per batch with probabilities `q_V`; 0: full softmax over all videos."""

    network: TwoTower
    device: torch.device
    q_V: Tensor
    negatives: int = 0

    def __call__(self, batch: TowerInputs) -> Tensor:
        """Padding is dropped before the catalog's scores are computed."""
        batch = batch.to(self.device)
        token_BT, count_B = batch.token_BT, batch.count_B
        real_BT = torch.arange(token_BT.shape[1] - 1, device=self.device)[None, :] < count_B[:, None] - 1
        target_N = token_BT[:, 1:][real_BT]
        if self.negatives:
            return self._sampled(batch, real_BT, target_N)
        video_VD = self.network.video_vectors()
        state_ND = self._states(video_VD, batch)[:, :-1][real_BT]
        return full_cross_entropy(state_ND, video_VD, target_N)

    def _sampled(self, batch: TowerInputs, real_BT: Tensor, target_N: Tensor) -> Tensor:
        """Computes only the vectors of videos in the batch or its negatives."""
        sample_S = torch.multinomial(self.q_V, self.negatives, replacement=True)
        start = len(self.q_V)  # the token after those of the videos
        named = torch.unique(torch.cat([batch.token_BT[batch.token_BT != start], sample_S]))
        place = torch.full((start + 1,), len(named), device=self.device)
        place[named] = torch.arange(len(named), device=self.device)
        video_MD = self.network.video_vectors(named)
        state_ND = self._states(video_MD, batch._replace(token_BT=place[batch.token_BT]))[:, :-1][real_BT]
        log_q_V = torch.log(self.q_V).float()
        target_ND, sample_SD = video_MD[place[target_N]], video_MD[place[sample_S]]
        return sampled_cross_entropy(state_ND, target_ND, sample_SD, target_N, sample_S, log_q_V)

    def _states(self, video_VD: Tensor, batch: TowerInputs) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.network.states(video_VD, batch).float()
