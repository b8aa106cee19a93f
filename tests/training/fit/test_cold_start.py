"""Of videos that few have watched: which are counted, what a blend moves, and when none is chosen."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from feature_repo.core.home import Home
from models.retrieval.artifact import ContentAlone
from models.retrieval.cold_start import Alpha
from training.data.splits import Sequences
from training.fit.cold_start import (
    KINDS,
    ColdStartQuestion,
    Videos,
    best_of,
    unwatched_before,
    watched_times,
    with_creator_prior,
    with_neighbours,
)

HOME = Home(Path())  # nothing is read of it

# Five videos: warm and rare were in training; young and new were not, another's creator is nobody's.
VIDEOS = Videos(
    ids=["warm", "rare", "young", "new", "lonely"],
    creators=np.array(["c", "c", "c", "d", ""], dtype=object),
    content_ND=np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]),
    token_N=np.array([1, 0, -1, -1, -1]),
    watches_N=np.array([12, 4, 0, 0, 0]),
    published_us_N=np.array([0, 0, 3, 9, 9]),
)
MODEL: Any = SimpleNamespace(
    item_vectors=np.array([[3.0, 0.0], [5.0, 2.0]]),  # rare, warm
    config=SimpleNamespace(asker=False),
    user_vectors=lambda histories, times_us, now_us, asker: np.array([[1.0, 0.0], [0.0, 1.0]]),
)


def watched(*histories: list[str]) -> Sequences:
    flat = [video_id for history in histories for video_id in history]
    offsets = np.cumsum([0, *map(len, histories)])
    users = np.array([f"u{n}" for n in range(len(histories))], dtype=object)
    return Sequences(users, np.array(flat, dtype=object), np.arange(len(flat)), offsets)


def test_untrained_videos_have_content_alone_and_rare_ones_move_furthest() -> None:
    plain = VIDEOS.vectors(MODEL)
    assert plain[:2].tolist() == [[5.0, 2.0], [3.0, 0.0]]
    assert plain[2:].tolist() == VIDEOS.content_ND[2:].tolist()
    moved = VIDEOS.vectors(MODEL, Alpha(half=4.0))
    assert moved[0] == pytest.approx([1.0 + 0.75 * 4.0, 0.75 * 2.0])  # alpha 4 / 16
    assert moved[1] == pytest.approx([2.0, 0.0])  # alpha 4 / 8
    assert moved[2:].tolist() == plain[2:].tolist()


def test_of_untrained_videos_those_that_were_long_there_are_quieter() -> None:
    plain = VIDEOS.vectors(MODEL)
    quieter = VIDEOS.vectors(MODEL, alone=ContentAlone(loudest=1.0, scale=0.6, before_us=9))
    assert quieter[[0, 1, 3]].tolist() == plain[[0, 1, 3]].tolist()
    assert quieter[2] == pytest.approx(0.6 * plain[2])
    assert quieter[4] == pytest.approx(plain[4] / 2**0.5)  # new, but longer than content may be
    assert VIDEOS.loudest == pytest.approx(1.0)  # of the trained ones
    assert unwatched_before(watched(["warm", "rare"], ["warm"])) == 1


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ([(0.3, 0.1), (0.4, 0.1), (0.4, 0.2)], 1),  # the first of equals: the least change
        ([(0.3, 0.1), (0.4, 0.05), (0.35, 0.1)], 2),  # more over all, but less of what is new
        ([(0.3, 0.1), (0.3, 0.2), (0.2, 0.3)], 0),
        ([(0.3, None), (0.4, None)], 1),  # nothing new was asked for
    ],
)
def test_a_choice_finds_more_over_all_and_not_less_of_what_is_new(found: list[tuple[float, Any]], best: int) -> None:
    rows = [{"recall_at_10": recall, "new_at_50": new} for recall, new in found]
    assert best_of(rows, "recall_at_10", ("new_at_50",)) == best


def test_targets_are_counted_by_kind_and_what_was_watched_is_not_offered() -> None:
    holdout: Any = SimpleNamespace(
        user_ids=["u", "v"],
        histories=[["warm"], []],
        times_us=[[1], []],
        now_us=np.array([5, 5]),
        targets=[["rare", "gone"], ["young", "new"]],
    )
    asks = ColdStartQuestion.of(HOME, VIDEOS, MODEL, holdout, watched(["young", "warm"]))
    assert [KINDS[kind] for kind in asks.kind_N] == ["warm", "rare", "young", "new", "new"]
    figures = asks.figures(VIDEOS.vectors(MODEL))
    # Five videos fit into any list: all are found but the one that is not in the catalog.
    assert figures["recall_at_50"] == pytest.approx((0.5 + 1.0) / 2)
    assert (figures["rare_at_50"], figures["young_at_50"], figures["new_at_50"]) == (1.0, 1.0, 1.0)
    assert figures["warm_at_50"] is None
    assert figures["rare_targets"] == 1.0


def test_watches_are_counted_by_viewer() -> None:
    assert watched_times(["a", "b", "z"], watched(["a", "b"], ["b"])).tolist() == [1, 2, 0]


def test_a_creators_prior_is_what_his_videos_learned_beyond_their_content() -> None:
    moved = with_creator_prior(VIDEOS, VIDEOS.vectors(MODEL), doubt=2.0)
    learned = np.array([4.0 + 2.0, 2.0 + 0.0]) / (2 + 2)  # of warm and rare
    assert moved[2] == pytest.approx(VIDEOS.content_ND[2] + learned)
    assert moved[[0, 1, 3, 4]].tolist() == VIDEOS.vectors(MODEL)[[0, 1, 3, 4]].tolist()


def test_a_young_video_moves_amid_what_its_watchers_watched() -> None:
    known = watched(["young", "warm"], ["young", "warm"])
    moved = with_neighbours(VIDEOS, VIDEOS.vectors(MODEL), known, half=2.0, floor=0.0)
    assert moved[2] == pytest.approx((VIDEOS.content_ND[2] + np.array([5.0, 2.0])) / 2)
    assert moved[[0, 1, 3, 4]].tolist() == VIDEOS.vectors(MODEL)[[0, 1, 3, 4]].tolist()
