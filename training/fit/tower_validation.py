"""Validation to choose the two-tower model's epoch: ranks of held-out watches among all training videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.retrieval.two_tower import TwoTower, user_tower
from training.data.splits import Holdout
from training.fit.tower_batches import TowerBatches, Watched
from training.measure.metrics import ranking_metrics, top_k

Array = np.ndarray[Any, Any]
BATCH, PLACES = 256, 50


@dataclass(frozen=True)
class Validation:
    """The validation viewers as inputs of the tower; the four fields have one row per viewer."""

    asked: Holdout
    rows: list[Watched]
    context_BC: Array
    seen: list[list[int]]  # tokens, left out of the ranks
    targets: list[list[int]]  # tokens; -1 for a video without a vector, which counts as missed

    @classmethod
    def of(cls, asked: Holdout, batches: TowerBatches) -> Validation:
        token_of = {video_id: token for token, video_id in enumerate(batches.encoding.video_ids)}
        return cls(
            asked=asked,
            rows=batches.watched(batches.encoding, asked.user_ids, asked.histories, asked.times_us),
            context_BC=batches.codes(asked.user_ids, asked.now_us),
            seen=[[token_of[v] for v in history if v in token_of] for history in asked.histories],
            targets=[[token_of.get(v, -1) for v in targets] for targets in asked.targets],
        )

    def figures(self, network: TwoTower, batches: TowerBatches, device: torch.device) -> dict[str, float]:
        lists, order = [], self._by_length()
        with torch.inference_mode():
            tower = user_tower(network)
            for start in range(0, len(order), BATCH):
                at = order[start : start + BATCH]
                batch = batches.batch([self.rows[row] for row in at], self.asked.now_us[at], self.context_BC[at])
                with torch.autocast(device.type, torch.bfloat16):
                    user_BD = tower(*batch.to(device)).float()
                score_BV = (user_BD @ tower.video_VD.T).cpu().numpy()
                for place, row in enumerate(at):
                    score_BV[place, self.seen[row]] = -np.inf
                lists.append(top_k(score_BV, PLACES))
        wanted: Sequence[Sequence[int]] = [self.targets[row] for row in order]
        return ranking_metrics(np.concatenate(lists), wanted, len(batches.encoding.video_ids))

    def _by_length(self) -> Array:
        return np.argsort([len(row.tokens) for row in self.rows], kind="stable")
