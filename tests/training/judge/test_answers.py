"""Lists of a catalog, and what they are measured by."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.core.home import Home, World
from feature_repo.lake.tables import VIDEOS, Lake
from training.data.questions import Question, Questions
from training.data.splits import Holdout, Sequences
from training.judge.answers import LIST_LENGTH, Answers, best_lists, targets_of
from training.measure.metrics import ranking_figures

ASKED = Holdout(
    ["a", "b", "a"], [["v0", "v9"], [], ["v0"]], [[1, 2], [], [1]], np.array([3, 3, 3]), [["v1"], ["x"], ["v2"]]
)
ROW_OF = {"v0": 0, "v1": 1, "v2": 2}


class InOrder:
    """The first video of the catalog is the best for everybody."""

    def scores(self, asked: Holdout) -> np.ndarray:
        return np.tile(np.array([3.0, 2.0, 1.0], dtype=np.float32), (len(asked), 1))


def test_what_was_watched_is_left_out_and_where_nothing_is_left_stands_minus_one() -> None:
    lists_BK = best_lists(InOrder(), ASKED, ROW_OF)
    assert [row[row >= 0].tolist() for row in lists_BK] == [[1, 2], [0, 1, 2], [1, 2]]
    assert lists_BK.shape[1] <= LIST_LENGTH


def test_a_target_outside_the_catalog_stays_in_the_count() -> None:
    assert targets_of(ASKED, ROW_OF) == [[1], [-1], [2]]


@pytest.fixture
def home(tmp_path: object) -> Home:
    home = Home(tmp_path)  # type: ignore[arg-type]
    nothing: dict[str, Any] = {
        field.name: [] if pa.types.is_list(field.type) else "" if field.type == pa.string() else 0 for field in VIDEOS
    }
    videos = [
        nothing | {"video_id": f"v{n}", "genres": [genre]} for n, genre in enumerate(("Drama", "Comedy", "Drama"))
    ]
    Lake(home).write_videos(pa.Table.from_pylist(videos, schema=VIDEOS))
    home.write_world(World("w", "simulated", "str", ("Comedy", "Drama"), history_length=5))
    return home


def test_rows_count_by_their_weight_and_viewers_alike(home: Home) -> None:
    known = Sequences(np.array(["a"], dtype=object), np.array(["v0"], dtype=object), np.array([1]), np.array([0, 1]))
    question = Question("_q", ASKED, np.array([1.0, 1.0, 3.0]), np.array([False, False, True]))
    split = Questions(known, ASKED, known, 3, 3, ["v0", "v1", "v2"], (question,), "", {})
    answers = Answers(home, question, split)
    figures: dict[str, float | None] = {}
    per_unit: dict[str, np.ndarray] = {}
    answers.measure(np.array([[1, 2, -1], [0, 1, 2], [1, 2, -1]]), figures, per_unit)
    assert figures["hit_rate_at_10_q"] == pytest.approx(4 / 5)
    assert figures["mrr_at_10_q"] == pytest.approx((1.0 + 3 * 0.5) / 5)
    assert figures["hit_rate_at_10_by_viewer_q"] == pytest.approx(0.5)  # one finds all of his, the other nothing
    assert (figures["hit_rate_at_10_warm_q"], figures["hit_rate_at_10_cold_q"]) == (0.5, 1.0)
    assert figures["coverage_at_10_q"] == 1.0
    assert len(per_unit["hit_rate_at_10_q"]) == 2


def test_figures_of_one_viewer_are_those_of_his_list() -> None:
    found = ranking_figures(np.array([[3, 1, 2]]), [[1, 9]])
    assert found["ndcg_at_10"][0] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
