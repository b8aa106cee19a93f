"""The gates ask what the evaluation asked, and a champion is asked the same."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from models.release.artifact import judged, load_release
from models.release.store import champion
from models.retrieval.artifact import RetrievalModel
from training.release.comparison import Judge, compare
from training.release.skew import feature_skew


def test_the_gates_find_the_figures_of_the_evaluation_and_no_difference_between_a_release_and_itself(
    small_world: Path,
) -> None:
    home = Home(small_world)
    release = load_release(champion(home))
    said = json.loads((release.path / "evaluation.json").read_text())["metrics"]
    judge = Judge(home, "time")
    retrieval = RetrievalModel.load(judged(release.path, "two_tower"))
    lists = judge.lists(retrieval)
    found = compare(judge, release, retrieval, lists, release.path)
    expected = {
        "two_tower ndcg_at_10": said["retrieval"]["two_tower"]["ndcg_at_10"],
        "two_tower recall_at_50": said["retrieval"]["two_tower"]["recall_at_50"],
        "two_tower coverage_at_10": said["retrieval"]["two_tower"]["coverage_at_10"],
        "ranker auc": said["ranking"]["ranker"]["auc"],
        "ranker gauc": said["ranking"]["ranker"]["gauc"],
    }
    assert {one.figure: one.ours for one in found.figures} == pytest.approx(expected, abs=1e-6)
    assert all(one.ours == one.champions and one.error == 0.0 for one in found.figures)
    new = judge.new_videos(retrieval, lists)
    assert new is not None
    assert new.recall == pytest.approx(said["retrieval"]["two_tower"]["recall_at_50_new"])
    assert new.popularity == pytest.approx(said["retrieval"]["popularity"]["recall_at_50_new"])
    assert new.chance == 50 / 400

    worse = np.roll(lists, 10, axis=1)  # what stood at the places 1 to 10 stands at 11 to 20
    ndcg = judge.retrieval(lists, worse)[0]
    assert ndcg.ours == pytest.approx(expected["two_tower ndcg_at_10"], abs=1e-6)
    assert ndcg.ours > ndcg.champions
    assert 0.0 < ndcg.error < 0.1


def test_serving_reads_what_training_learned_from_and_a_table_that_says_otherwise_is_found(own_world: Path) -> None:
    home = Home(own_world)
    sound = feature_skew(home, pairs=60)
    assert (sound.pairs, sound.share, sound.features) == (60, 0.0, ())
    file = home.features / "user_profile.parquet"
    table = pq.read_table(file)
    at = table.schema.get_field_index("country")
    pq.write_table(table.set_column(at, "country", pa.array(["nowhere"] * len(table))), file)
    found = feature_skew(home, pairs=60)
    assert found.features == ("country",)
    assert 0.0 < found.share < 0.1
