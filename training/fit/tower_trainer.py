"""A two-tower network with batches, loss and validation, ready for the training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import ViewerContextEncoding
from models.retrieval.artifact import RetrievalModel
from models.retrieval.content import ContentEncoding
from models.retrieval.losses import FULL_SOFTMAX_BELOW
from models.retrieval.two_tower import TwoTower, retrieval_model
from training.data.splits import Sequences
from training.data.verdicts import Verdicts
from training.data.video_vectors import content_columns
from training.data.viewer_context import ViewerContexts
from training.fit.loop import Checkpoint, Fit, fastest_device
from training.fit.tower_batches import TowerBatches, TrainingBatch, Watched
from training.fit.tower_loss import NextWatchLoss
from training.fit.tower_validation import Validation
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import TrainingData

Array = np.ndarray[Any, Any]


class Trainer:
    """Batches, loss and validation in the form that training/fit/loop.py takes."""

    def __init__(
        self,
        home: Home,
        config: TwoTowerConfig,
        data: TrainingData,
        content: ContentEncoding | None = None,
        viewer_context: ViewerContextEncoding | None = None,
        contexts: ViewerContexts | None = None,
        verdicts: Verdicts | None = None,
    ) -> None:
        """`content` and `viewer_context` are the encodings of the run that is continued; fitted when not given.
        `contexts`: the home's viewer contexts, and `verdicts`: of the training data, when they were read already."""
        self.config = config
        videos = cut_of(home).videos()
        columns = content_columns(videos, home.world())
        published = videos["published_timestamp_us"].to_numpy() < data.known_until_us
        known = {name: column[published] for name, column in columns.items()}
        self.content = content or ContentEncoding.fit(known, config.text_dimensions, config.seed)
        row_of = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
        video_ids = tuple(sorted({video_id for video_id in data.train.video_ids if video_id in row_of}))
        at = np.array([row_of[video_id] for video_id in video_ids])
        features = self.content.encode({name: column[at] for name, column in columns.items()})
        torch.manual_seed(config.seed)
        self.contexts = contexts or ViewerContexts.of(home, config.asker)
        self.viewer_context = (viewer_context or _encoding(self.contexts, data.train)) if config.asker else None
        self.network = TwoTower(
            features,
            len(self.content.creators),
            len(self.content.languages),
            config.tower(),
            self.viewer_context.cardinalities if self.viewer_context else (),
        )
        self.device = fastest_device()
        self.network.to(self.device)
        self.inputs = TowerBatches(
            config, SequenceEncoding(video_ids, config.length), self.contexts, self.viewer_context
        )
        verdicts = verdicts or Verdicts.of(cut_of(home), data.train)
        self.rows = _trained_on(data.train, video_ids, self.inputs, verdicts)
        asked = data.valid.draw(config.max_validation_viewers, config.seed)
        self.validation = Validation.of(asked, self.inputs)
        self.loss = self._loss()

    @property
    def encoding(self) -> SequenceEncoding:
        return self.inputs.encoding

    def fit(self, checkpoint: Checkpoint | None) -> Fit[TrainingBatch]:
        return Fit(self.network, self.batches, self.loss, self.validate, self.config.loop(), checkpoint)

    def refit(self, checkpoint: Checkpoint | None) -> Fit[TrainingBatch]:
        return Fit(self.network, self.batches, self.loss, None, self.config.refit_loop(), checkpoint)

    def batches(self, epoch: int) -> list[TrainingBatch]:
        return self.inputs.of_epoch(self.rows, epoch)

    def validate(self) -> dict[str, float]:
        return self.validation.figures(self.network, self.inputs, self.device)

    def save_encodings(self, directory: Path) -> None:
        self.content.save(directory)
        if self.viewer_context is not None:
            self.viewer_context.save(directory)

    def go_on_from(self, trained: Trainer) -> None:
        """Start from the weights of another trainer. Videos unknown to it start without an id vector."""
        weights = {name: value.clone() for name, value in trained.network.state_dict().items()}
        row_of = {video_id: row for row, video_id in enumerate(trained.encoding.video_ids)}
        at = torch.tensor([row_of.get(video_id, -1) for video_id in self.encoding.video_ids]).to(self.device)
        known_VD = weights["id_embedding.weight"][at.clamp(min=0)]
        weights["id_embedding.weight"] = known_VD * (at >= 0)[:, None]
        self.network.load_state_dict(weights)

    def export(self) -> RetrievalModel:
        return retrieval_model(self.network.cpu(), self.encoding, self.content, self.viewer_context)

    def _loss(self) -> NextWatchLoss:
        """The loss over all videos, or in a large catalog over a sample drawn by watch counts."""
        videos = len(self.encoding.video_ids)
        counts = np.bincount(np.concatenate([row.tokens for row in self.rows]), minlength=videos) + 1.0
        q_V: Tensor = torch.from_numpy(counts / counts.sum()).to(self.device)
        config = self.config
        negatives = 0 if videos < FULL_SOFTMAX_BELOW else config.sampled_negatives
        weights = config.finished_weight, config.broken_weight
        return NextWatchLoss(self.network, self.device, q_V, negatives, *weights)


def _trained_on(
    train: Sequences, video_ids: tuple[str, ...], inputs: TowerBatches, verdicts: Verdicts
) -> list[Watched]:
    """The full histories of the viewers with at least one watch to predict."""
    whole = SequenceEncoding(video_ids, max(int(train.lengths.max(initial=0)), 1))
    rows = inputs.watched(whole, train.user_ids, train.histories(), train.times(), verdicts)
    return [row for row in rows if len(row.tokens) > 1]


def _encoding(contexts: ViewerContexts, train: Sequences) -> ViewerContextEncoding:
    return ViewerContextEncoding.fit(contexts.columns(np.repeat(train.user_ids, train.lengths), train.timestamps_us))
