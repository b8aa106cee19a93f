"""A release compared with the champion on the same question: the test window of the lake as it is now.

Both are represented by their models from before the refit, which have not seen the answers. U viewers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import cut_of
from models.candidates.popularity import Popularity
from models.encoding.ranker import EncodingError
from models.ranking.ranker import RankerModel
from models.release.artifact import Release, judged
from models.retrieval.artifact import RetrievalModel
from training.data.dataset import RankingRows, ranking_rows
from training.data.splits import time_cuts
from training.judge.answers import LIST_LENGTH, best_lists
from training.judge.baselines import ByPopularity, ByTwoTower, Retriever
from training.judge.protocols.retrieval import FirstQuestion, first_question
from training.judge.protocols.retrieval_config import RetrievalProtocol
from training.measure.metrics import auc, coverage, gauc, hits, ndcg_at, recall_at

Array = np.ndarray[Any, Any]
MAX_VIEWERS, MAX_ROWS = 2_000, 10_000  # enough for a gate: one standard error matters, a tenth of one does not


@dataclass(frozen=True)
class Beside:
    """One figure of both releases. `error`: one standard error of the difference; 0 where the models are the same."""

    figure: str
    ours: float
    champions: float
    error: float


@dataclass(frozen=True)
class Comparison:
    """When the two cannot be compared, `figures` is empty and `why_not` gives the reason."""

    champion: str  # release id
    viewers: int = 0
    figures: tuple[Beside, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class NewVideos:
    """Recall@50 of videos that the two-tower model was not trained on; `chance` of 50 random videos of the catalog."""

    viewers: int  # who watched one
    recall: float
    popularity: float
    chance: float


class Judge:
    """The test question of one home, read once."""

    def __init__(self, home: Home, split: str, max_viewers: int = MAX_VIEWERS, max_rows: int = MAX_ROWS) -> None:
        self.home = home
        self.max_rows = max_rows
        config = replace(RetrievalProtocol.for_split(split), max_viewers=max_viewers)
        self.asks: FirstQuestion = first_question(home, config)
        self._row_of = {video_id: row for row, video_id in enumerate(self.asks.video_ids)}
        self._targets = [[self._row_of.get(one, -1) for one in wanted] for wanted in self.asks.asked.targets]

    def lists(self, retrieval: RetrievalModel) -> Array:
        """(U, LIST_LENGTH) rows of the catalog, best first."""
        return self._best(ByTwoTower.of(self.home, retrieval, self.asks.video_ids))

    def new_videos(self, retrieval: RetrievalModel, lists_UK: Array) -> NewVideos | None:
        """None when nobody watched a new video."""
        trained = set(retrieval.video_ids)
        new = np.array([video_id not in trained for video_id in self.asks.video_ids])
        targets = [[row for row in wanted if row >= 0 and new[row]] for wanted in self._targets]
        counts = np.array([len(wanted) for wanted in targets])
        if not counts.any():
            return None
        popular_UK = self._best(ByPopularity(self.asks.video_ids, Popularity.fit(self.asks.known, self.asks.now_us)))

        def recall(found_UK: Array) -> float:
            return float(recall_at(hits(found_UK, targets), counts, LIST_LENGTH)[counts > 0].mean())

        chance = min(1.0, LIST_LENGTH / len(self.asks.video_ids))
        return NewVideos(int((counts > 0).sum()), recall(lists_UK), recall(popular_UK), chance)

    def retrieval(self, ours_UK: Array, champions_UK: Array) -> list[Beside]:
        counts = np.array([len(set(wanted)) for wanted in self._targets])
        measures: dict[str, Callable[[Array], Array]] = {
            "two_tower ndcg_at_10": lambda lists: ndcg_at(hits(lists, self._targets), counts, 10),
            "two_tower recall_at_50": lambda lists: recall_at(hits(lists, self._targets), counts, LIST_LENGTH),
        }
        found = []
        for name, measure in measures.items():
            ours_U, champions_U = measure(ours_UK), measure(champions_UK)
            error = float((ours_U - champions_U).std() / np.sqrt(max(len(ours_U), 1)))
            found.append(Beside(name, float(ours_U.mean()), float(champions_U.mean()), error))
        covered = [coverage(lists[:, :10], len(self.asks.video_ids)) for lists in (ours_UK, champions_UK)]
        return [*found, Beside("two_tower coverage_at_10", covered[0], covered[1], 0.0)]

    def exposures(self, retrieval: RetrievalModel) -> RankingRows:
        """The exposures of the test window. Raises HomeError when there are none."""
        cuts = time_cuts(cut_of(self.home))
        return ranking_rows(self.home, cuts.t2_us, cuts.end_us, retrieval, self.max_rows)

    def _best(self, retriever: Retriever) -> Array:
        return best_lists(retriever, self.asks.asked, self._row_of)


def compare(
    judge: Judge, ours: Release, retrieval: RetrievalModel, lists_UK: Array, champion: Path, progress: Progress = SILENT
) -> Comparison:
    """`retrieval` and `lists_UK` are of our judged model, and reused for the champion when its files are the same."""
    same = directory_id(judged(ours.path, "two_tower")) == directory_id(judged(champion, "two_tower"))
    with progress.task("beside the champion", total=2) as advance:
        its_retrieval = retrieval if same else RetrievalModel.load(judged(champion, "two_tower"))
        figures = judge.retrieval(lists_UK, lists_UK if same else judge.lists(its_retrieval))
        advance(1)
        try:
            rows = judge.exposures(retrieval)
            its_rows = rows if same else judge.exposures(its_retrieval)
            our_ranker, its_ranker = (RankerModel.load(judged(path, "ranker")) for path in (ours.path, champion))
            figures += _ranking(our_ranker, its_ranker, rows, its_rows)
        except EncodingError as error:
            return Comparison(champion.name, why_not=f"it was trained on other columns: {error}")
        except HomeError as error:
            return Comparison(champion.name, why_not=str(error))
        advance(1)
    return Comparison(champion.name, len(judge.asks.asked), tuple(figures))


def _ranking(ours: RankerModel, champion: RankerModel, our_rows: RankingRows, its_rows: RankingRows) -> list[Beside]:
    """AUC and GAUC of clicks, with the position unknown as in serving."""
    pairs = [(ours.score(our_rows.columns)["p_click"], our_rows)]
    pairs.append((champion.score(its_rows.columns)["p_click"], its_rows))
    found = []
    for name in ("auc", "gauc"):
        mine, its = (
            auc(rows.labels["click"], p) if name == "auc" else gauc(rows.labels["click"], p, rows.user_ids)
            for p, rows in pairs
        )
        error = 0.0 if np.array_equal(pairs[0][0], pairs[1][0]) else auc_error(its, its_rows.labels["click"].sum())
        found.append(Beside(f"ranker {name}", mine, its, error))
    return found


def auc_error(area: float, positives: float) -> float:
    """Standard error of an AUC, at most (Birnbaum & Klose 1957): sqrt(A (1 - A) / the smaller class)."""
    return float(np.sqrt(area * (1.0 - area) / max(positives, 1.0)))
