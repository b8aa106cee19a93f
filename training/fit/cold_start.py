"""Choose how much content counts for rarely watched videos (models/retrieval/cold_start.py), and measure the gain.

Choices are made on the validation question: one must raise recall over all targets and not lower it for rare or new
videos, otherwise the vectors stay as trained. First the share of content in rare vectors (Recall@50), then the
scale of content-only vectors of older unwatched videos (Recall@10, since such videos crowd the first places). Two
more ideas are measured but not served, because they lose: shifting a new video by what the vectors of its creator's
other videos learned beyond content, and moving it towards the videos that its first watchers saw.

N videos of the catalog, V videos of training, B viewers, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from models.candidates.item_cf import ItemNeighbours
from models.retrieval.artifact import ContentAlone, RetrievalModel
from models.retrieval.cold_start import Alpha, with_content_share
from training.data.splits import Holdout, Sequences
from training.data.video_vectors import content_columns
from training.data.viewer_context import ViewerContexts, user_vectors
from training.measure.metrics import hits, recall_at, rows_at_once, top_k

Array = np.ndarray[Any, Any]
GRID = (Alpha(), *(Alpha(half, floor) for half in (1.0, 2.0, 5.0, 10.0, 20.0) for floor in (0.0, 0.2)))
RARE = 10  # a video with fewer watches in training is rare
KINDS = ("warm", "rare", "young", "new")  # often or seldom in training; first watched after it; never watched
SCALES = (1.0, 0.8, 0.6, 0.4)  # of older unwatched videos; never 0, so that they can still be found
COUNTS = (10, 50, 200)
BATCH = 512
AS_IT_IS = ContentAlone()


@dataclass(frozen=True)
class Videos:
    """The catalog with the model's token, watch count and content vector of each video."""

    ids: list[str]
    creators: Array  # (N,) object, "" = none
    content_ND: Array
    token_N: Array  # row of the model, -1 = not in training
    watches_N: Array  # in training
    published_us_N: Array

    @classmethod
    def of(cls, home: Home, retrieval: RetrievalModel, train: Sequences) -> Videos:
        videos = cut_of(home).videos()
        ids: list[str] = videos["video_id"].to_pylist()
        token_of = {video_id: token for token, video_id in enumerate(retrieval.video_ids)}
        return cls(
            ids=ids,
            creators=videos["creator_id"].to_numpy(zero_copy_only=False),
            content_ND=retrieval.embed(content_columns(videos, home.world())),
            token_N=np.array([token_of.get(video_id, -1) for video_id in ids], dtype=np.int64),
            watches_N=watched_times(ids, train),
            published_us_N=videos["published_timestamp_us"].to_numpy(),
        )

    @property
    def trained(self) -> Array:
        return self.token_N >= 0

    def vectors(self, retrieval: RetrievalModel, alpha: Alpha = GRID[0], alone: ContentAlone = AS_IT_IS) -> Array:
        """(N, D): trained vectors mixed with content by `alpha`; content-only vectors of untrained videos."""
        trained_ND = retrieval.item_vectors[np.maximum(self.token_N, 0)]
        alpha_N1 = np.where(self.trained, alpha.of(self.watches_N), 1.0)[:, None]
        vectors: Array = alpha_N1 * self.content_ND + (1.0 - alpha_N1) * trained_ND
        untrained = ~self.trained
        vectors[untrained] = alone.of(self.content_ND[untrained], self.published_us_N[untrained])
        return vectors.astype(np.float32)

    @property
    def loudest(self) -> float:
        """The 95 % quantile of the norm of the content part over trained videos."""
        return float(np.quantile(np.linalg.norm(self.content_ND[self.trained], axis=1), 0.95))


@dataclass(frozen=True)
class ColdStart:
    alpha: Alpha = GRID[0]
    scale: float = 1.0  # of content-only vectors of older unwatched videos
    grids: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the figures of every grid point


def choose_cold_start(home: Home, retrieval: RetrievalModel, train: Sequences, valid: Holdout) -> ColdStart:
    """Choose on the validation question how much content counts for a model trained on `train`."""
    if not retrieval.config.content or not len(valid):
        return ColdStart()
    videos = Videos.of(home, retrieval, train)
    asks = ColdStartQuestion.of(home, videos, retrieval, valid, train)
    blends = [{**asdict(alpha), **asks.figures(videos.vectors(retrieval, alpha))} for alpha in GRID]
    alpha = GRID[best_of(blends, "recall_at_50", ("rare_at_50",))]
    found = [
        {"scale": scale, **asks.figures(videos.vectors(retrieval, alpha, content_alone(videos, train, scale)))}
        for scale in SCALES
    ]
    scale = SCALES[best_of(found, "recall_at_10", ("rare_at_50", "new_at_50", "young_at_50"))]
    return ColdStart(alpha, scale, {"alpha": blends, "scale": found})


def best_of(found: Sequence[Mapping[str, Any]], more: str, not_less: Sequence[str]) -> int:
    """The row with the highest `more` among those above the first row's, with no figure of `not_less` below it."""
    first = found[0]
    better = [
        at
        for at, row in enumerate(found)
        if row[more] > first[more] and all((row[name] or 0.0) >= (first[name] or 0.0) for name in not_less)
    ]
    return max(better, key=lambda at: found[at][more], default=0)


def unwatched_before(train: Sequences) -> int:
    """The median time of the training's watches: a video published before could have been watched by half of them."""
    return int(np.median(train.timestamps_us))


def content_alone(videos: Videos, train: Sequences, scale: float) -> ContentAlone:
    return ContentAlone(videos.loudest, scale, unwatched_before(train))


def with_cold_start(home: Home, retrieval: RetrievalModel, train: Sequences, choice: ColdStart) -> RetrievalModel:
    """The model trained on `train` with the chosen vectors."""
    if not retrieval.config.content:
        return retrieval
    alone = content_alone(Videos.of(home, retrieval, train), train, choice.scale)
    return replace(with_alpha(home, retrieval, train, choice.alpha), alone=alone)


def with_alpha(home: Home, retrieval: RetrievalModel, train: Sequences, alpha: Alpha) -> RetrievalModel:
    """The model trained on `train` with rare videos mixed with their content."""
    videos = cut_of(home).videos()
    row_of = {video_id: row for row, video_id in enumerate(videos["video_id"].to_pylist())}
    rows = pa.array([row_of[video_id] for video_id in retrieval.video_ids])
    return with_content_share(
        retrieval,
        content_columns(videos.take(rows), home.world()),
        watched_times(retrieval.video_ids, train),
        alpha,
    )


def watched_times(ids: Sequence[str], train: Sequences) -> Array:
    """(N,) how many viewers watched each video."""
    found, counts = np.unique(train.video_ids.astype(str), return_counts=True)
    count_of = dict(zip(found.tolist(), counts.tolist(), strict=True))
    return np.array([count_of.get(video_id, 0) for video_id in ids], dtype=np.int64)


@dataclass(frozen=True)
class ColdStartQuestion:
    """Viewers with their vectors and what they watch next, each target of one kind."""

    user_BD: Array
    seen: list[Array]  # rows of the catalog
    targets: list[list[int]]
    kind_N: Array  # index into KINDS

    @classmethod
    def of(
        cls, home: Home, videos: Videos, retrieval: RetrievalModel, asked: Holdout, known: Sequences
    ) -> ColdStartQuestion:
        """`known`: all watches before the question; an untrained video is young when it is in them, else new."""
        row_of = {video_id: row for row, video_id in enumerate(videos.ids)}
        untrained_N = np.where(watched_times(videos.ids, known) > 0, KINDS.index("young"), KINDS.index("new"))
        return cls(
            user_BD=user_vectors(retrieval, ViewerContexts.of(home, retrieval.config.asker), asked),
            seen=[np.array([row_of[v] for v in history if v in row_of], dtype=np.int64) for history in asked.histories],
            targets=[[row_of.get(video_id, -1) for video_id in wanted] for wanted in asked.targets],
            kind_N=np.where(videos.trained, np.where(videos.watches_N < RARE, 1, 0), untrained_N),
        )

    def figures(self, video_ND: Array) -> dict[str, float | None]:
        """recall_at_k: mean over viewers. <kind>_at_k: share of all targets of this kind that were found."""
        figures, _ = self.measured(video_ND)
        return figures

    def measured(self, video_ND: Array) -> tuple[dict[str, float | None], dict[str, Array]]:
        lists = []
        size = rows_at_once(len(video_ND), BATCH)
        for start in range(0, len(self.targets), size):
            score_BN = self.user_BD[start : start + size] @ video_ND.T
            for at, seen in enumerate(self.seen[start : start + size]):
                score_BN[at, seen] = -np.inf
            lists.append(top_k(score_BN, max(COUNTS)))
        order_BK = np.concatenate(lists)
        counts = np.array([len(wanted) for wanted in self.targets], dtype=np.int64)
        hits_BK = hits(order_BK, self.targets)
        figures: dict[str, float | None] = {}
        units = {}
        for k in COUNTS:
            units[f"recall_at_{k}"] = recall_at(hits_BK, counts, k)
            figures[f"recall_at_{k}"] = float(units[f"recall_at_{k}"].mean())
            wanted_kind = np.concatenate([self.kind_N[[row for row in wanted if row >= 0]] for wanted in self.targets])
            found_kind = self.kind_N[order_BK[:, :k][hits_BK[:, :k]]]
            for kind, name in enumerate(KINDS):
                asked = int((wanted_kind == kind).sum())
                figures[f"{name}_at_{k}"] = float((found_kind == kind).sum() / asked) if asked else None
                figures[f"{name}_targets"] = float(asked)
        return figures, units


def with_creator_prior(videos: Videos, vectors_ND: Array, doubt: float = 5.0) -> Array:
    """Not served. Untrained videos get the mean of (vector - content) of their creator's trained ones, shrunk."""
    _, creator_N = np.unique(videos.creators.astype(str), return_inverse=True)
    learned_ND = np.where(videos.trained[:, None], vectors_ND - videos.content_ND, 0.0)
    total_CD = np.zeros((creator_N.max(initial=0) + 1, vectors_ND.shape[1]))
    np.add.at(total_CD, creator_N, learned_ND)
    count_C = np.bincount(creator_N, videos.trained, len(total_CD))
    prior_ND = (total_CD / (count_C + doubt)[:, None])[creator_N]
    known_N = ~videos.trained & (videos.creators != "")
    return np.where(known_N[:, None], vectors_ND + prior_ND, vectors_ND).astype(np.float32)


def with_neighbours(
    videos: Videos, vectors_ND: Array, known: Sequences, half: float = 20.0, floor: float = 0.2
) -> Array:
    """Not served. Young videos move from their content towards the mean of trained ones that their watchers saw."""
    row_of = {video_id: row for row, video_id in enumerate(videos.ids)}
    neighbours, moved = ItemNeighbours.fit(known.histories()), vectors_ND.copy()
    watches_N = watched_times(videos.ids, known)
    alpha_N = Alpha(half, floor).of(watches_N)
    for row in np.flatnonzero(~videos.trained & (watches_N > 0)).tolist():
        near = [(row_of[video_id], sim) for video_id, sim in neighbours.neighbours(videos.ids[row], 50)]
        near = [(other, sim) for other, sim in near if videos.trained[other]][:20]
        if near:
            others, sims = np.array([other for other, _ in near]), np.array([sim for _, sim in near])
            amid_D = sims @ vectors_ND[others] / sims.sum()
            moved[row] = alpha_N[row] * vectors_ND[row] + (1.0 - alpha_N[row]) * amid_D
    return moved


def measured_rows(
    home: Home, retrieval: RetrievalModel, train: Sequences, valid: Holdout, test: Holdout, known: Sequences
) -> dict[str, tuple[dict[str, float | None], dict[str, Array], Mapping[str, Any]]]:
    """Row -> figures on the test question, their values per viewer, and what was chosen. `known`: before the test."""
    choice = choose_cold_start(home, retrieval, train, valid)
    videos = Videos.of(home, retrieval, train)
    alone = content_alone(videos, train, choice.scale)
    asks = ColdStartQuestion.of(home, videos, retrieval, test, known)
    plain_ND = videos.vectors(retrieval)
    rows: dict[str, tuple[Array, Mapping[str, Any]]] = {
        "as_trained": (plain_ND, {}),
        "content_for_the_rare": (
            videos.vectors(retrieval, choice.alpha),
            {"alpha": asdict(choice.alpha), "grid": choice.grids.get("alpha", [])},
        ),
        "and_unwatched_ones_quieter": (
            videos.vectors(retrieval, choice.alpha, alone),
            {"alone": asdict(alone), "grid": choice.grids.get("scale", [])},
        ),
        "creator_prior": (with_creator_prior(videos, plain_ND), {"served": False}),
        "amid_neighbours": (with_neighbours(videos, plain_ND, known), {"served": False}),
    }
    return {name: (*asks.measured(vectors_ND), settings) for name, (vectors_ND, settings) in rows.items()}
