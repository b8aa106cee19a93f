"""Evidently's numbers come back by metric, with those of the reference, and a page is written on request alone."""

from pathlib import Path

import pandas as pd
import pytest

from monitoring.measures.evidently import NDCG, DataDefinition, Recsys, ValueDrift, snapshot

RANKING = DataDefinition(
    ranking=[Recsys(user_id="user", item_id="item", target="target", prediction="score", recommendations_type="score")]
)


def lists(first_is_right: bool) -> pd.DataFrame:
    targets = [1, 0] if first_is_right else [0, 1]
    rows = {"user": [0, 0, 1, 1], "item": [1, 2, 1, 2], "target": targets * 2, "score": [2.0, 1.0, 2.0, 1.0]}
    return pd.DataFrame(rows)


def test_a_metric_of_both_frames_has_the_value_of_the_reference_too() -> None:
    (found,) = snapshot([NDCG(k=2)], RANKING, lists(True), lists(False))
    assert found["value"]["value"] == pytest.approx({0: 1.0, 1: 1.0})  # of the first, and of both
    assert found["reference"]["value"] == pytest.approx({0: 0.0, 1: 0.6309}, abs=1e-4)  # 1 / log2(3)


def test_a_metric_that_compares_has_none() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    (found,) = snapshot([ValueDrift(column="x")], DataDefinition(numerical_columns=["x"]), frame, frame)
    assert "reference" not in found


def test_the_page_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    snapshot([NDCG(k=2)], RANKING, lists(True), lists(False), path=page)
    assert "NDCG" in page.read_text()
