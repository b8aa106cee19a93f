"""What every retriever promises, on a checkerboard: even viewers watch even videos, odd viewers odd ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from feature_repo.compute.columns import Columns
from feature_repo.core.home import Home
from models.candidates.popularity import Popularity
from training.data.splits import Holdout
from training.data.viewer_context import ViewerContexts
from training.judge.answers import best_lists
from training.judge.baselines import ByPopularity, ByTwoTower, Known, Retriever, fit_baseline

VIDEOS = [f"v{number}" for number in range(20)]
NOBODY = ViewerContexts.of(Home(Path()), listens=False)
HISTORIES = [[VIDEOS[v] for v in range(20) if v % 2 == u % 2 and v != u] for u in range(20)]


def asked(*histories: list[str]) -> Holdout:
    return Holdout(
        user_ids=[f"u{at}" for at in range(len(histories))],
        histories=[list(history) for history in histories],
        times_us=[list(range(len(history))) for history in histories],
        now_us=np.full(len(histories), 1000),
        targets=[["v0"]] * len(histories),
    )


class Parity:
    """A two-tower model that learned the checkerboard: the artifact's seam, without its training."""

    def user_vectors(
        self, histories: list[list[str]], times: list[list[int]], now_us: np.ndarray, asker: Columns
    ) -> np.ndarray:
        known = [[VIDEOS.index(video) % 2 for video in history if video in VIDEOS] for history in histories]
        odd = np.array([sum(row) for row in known], dtype=np.float32)
        return np.stack([np.array([len(row) for row in known], dtype=np.float32) - odd, odd], axis=1)


def two_tower() -> Retriever:
    return ByTwoTower(Parity(), np.eye(2, dtype=np.float32)[np.arange(20) % 2], NOBODY)  # type: ignore[arg-type]


def baseline(name: str, **settings: float) -> Callable[[], Retriever]:
    watches = [(video, at) for at, history in enumerate(HISTORIES) for video in history]
    known = Known(VIDEOS, HISTORIES, watches, 1000, np.eye(2, dtype=np.float32)[np.arange(20) % 2])
    return lambda: fit_baseline(name, known, settings)


PERSONAL: dict[str, Callable[[], Retriever]] = {
    "two_tower": two_tower,
    "item_knn": baseline("item_knn"),
    "item_knn, newest first": baseline("item_knn", half_life=2.0),
    "ease": baseline("ease", regularization=1.0),
    "ials": baseline("ials", factors=4),
    "content": baseline("content"),
}
ALL = PERSONAL | {"popularity": baseline("popularity"), "popularity_7d": baseline("popularity_7d")}


@pytest.fixture(params=ALL)
def retriever(request: pytest.FixtureRequest) -> Retriever:
    return ALL[request.param]()


def test_scores_are_finite_one_row_per_viewer_one_column_per_video(retriever: Retriever) -> None:
    scores = retriever.scores(asked(HISTORIES[0], [], ["v3"]))
    assert scores.shape == (3, 20)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_a_viewers_scores_do_not_depend_on_who_else_is_asked_about(retriever: Retriever) -> None:
    together = retriever.scores(asked(*HISTORIES))
    shuffled = retriever.scores(asked(*HISTORIES[::-1]))[::-1]
    np.testing.assert_allclose(together, shuffled, atol=1e-6)
    np.testing.assert_allclose(together[4], retriever.scores(asked(HISTORIES[4]))[0], atol=1e-6)


def test_the_question_is_left_unchanged(retriever: Retriever) -> None:
    question = asked(*HISTORIES)
    retriever.scores(question)
    assert question.histories == HISTORIES


def test_unknown_videos_in_a_history_say_nothing(retriever: Retriever) -> None:
    np.testing.assert_array_equal(retriever.scores(asked(["v2", "of another world"])), retriever.scores(asked(["v2"])))


def test_lists_leave_out_what_was_watched(retriever: Retriever) -> None:
    lists = best_lists(retriever, asked(HISTORIES[0]), {video: row for row, video in enumerate(VIDEOS)})
    assert {VIDEOS[row] for row in lists[0, :11]}.isdisjoint(HISTORIES[0])


@pytest.mark.parametrize("name", PERSONAL)
def test_a_personal_retriever_finds_the_video_of_the_viewers_colour(name: str) -> None:
    lists = best_lists(ALL[name](), asked(*HISTORIES), {video: row for row, video in enumerate(VIDEOS)})
    assert lists[:, 0].tolist() == list(range(20))


def test_last_weeks_popularity_looks_at_last_week() -> None:
    day_us = 86_400_000_000
    pairs = [("v0", 0), ("v0", 0), ("v1", 0), ("v2", 9 * day_us)]
    recent = ByPopularity(VIDEOS, Popularity.fit(pairs, 10 * day_us), recent=True).scores(asked([]))[0]
    assert np.argsort(-recent, kind="stable")[:3].tolist() == [2, 0, 1]
