"""Models of the sources, from watches small enough to see through."""

from pathlib import Path

import numpy as np
import pytest
from worlds import toy

from feature_repo.lake.tables import Lake
from training.data.video_vectors import content_columns
from training.fit import source_models
from training.fit.source_models import FactorsConfig, content_neighbours, countries_of, fit_factors

BOARD = [["a", "c"], ["a", "c", "e"], ["b", "d"], ["b", "d", "f"]] * 5


def test_factors_find_what_the_same_viewers_watch_and_are_the_same_twice() -> None:
    model = fit_factors(BOARD, FactorsConfig(factors=4))
    score = dict(zip(model.video_ids, (model.user_vectors([["a"]]) @ model.factors_VK.T)[0], strict=True))
    assert min(score["c"], score["e"]) > max(score["b"], score["d"], score["f"])
    np.testing.assert_array_equal(model.factors_VK, fit_factors(BOARD, FactorsConfig(factors=4)).factors_VK)


def test_no_more_factors_than_videos_and_none_of_nothing() -> None:
    assert fit_factors(BOARD, FactorsConfig(factors=64)).factors_VK.shape == (6, 6)
    with pytest.raises(ValueError, match="expected at least one watch, found none"):
        fit_factors([[], []])


def test_every_video_has_neighbours_by_content_and_every_viewer_a_country(tmp_path: object) -> None:
    home = toy.toy_home(tmp_path)  # type: ignore[arg-type]
    videos = Lake(home).videos()
    ids = videos["video_id"].to_pylist()
    neighbours = content_neighbours(ids, content_columns(videos, home.world()))
    assert list(neighbours.video_ids) == ids
    users = Lake(home).users()
    assert countries_of(Lake(home)) == dict(
        zip(users["user_id"].to_pylist(), users["country"].to_pylist(), strict=True)
    )


def test_in_a_large_catalog_the_most_watched_have_neighbours_and_then_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = toy.toy_home(tmp_path)
    videos = Lake(home).videos()
    ids = videos["video_id"].to_pylist()
    newest_first = {"published_timestamp_us": np.arange(len(ids))[::-1].copy()}
    columns = {**content_columns(videos, home.world()), **newest_first}
    monkeypatch.setattr(source_models, "NEIGHBOURING", 4)
    neighbours = content_neighbours(ids, columns, [ids[7], ids[9], ids[7]])
    assert list(neighbours.video_ids) == [ids[0], ids[1], ids[7], ids[9]]
    assert neighbours.neighbours(ids[7], 3)
