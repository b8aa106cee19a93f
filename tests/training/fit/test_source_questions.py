"""What the sources are asked, and what counts as known then."""

from pathlib import Path

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds import toy
from worlds.ring import RING, VIEWERS, WATCHES, write_ring

from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from feature_repo.registry import VIDEO_PROFILE
from training.data.splits import split_of
from training.fit.source_questions import Counters, SampleConfig, catalog_of, source_questions


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home


def test_the_question_that_chooses_knows_less_than_the_one_that_is_reported(home: Home) -> None:
    catalog = catalog_of(home)
    train, chooses, reports = source_questions(home, catalog, SampleConfig("leave_last", max_viewers=10))
    assert (len(chooses.asked), len(reports.asked)) == (10, 10)
    assert chooses.watches().tolist() == [WATCHES - 2] * 10
    assert reports.watches().tolist() == [WATCHES - 1] * 10
    assert len(chooses.past.video_ids) == len(train.video_ids) == VIEWERS * (WATCHES - 2)
    assert len(reports.past.video_ids) == VIEWERS * (WATCHES - 1)
    assert [[catalog.video_ids[row] for row in wanted] for wanted in reports.targets()] == reports.asked.targets


def test_counters_count_each_watch_of_the_past_once(home: Home) -> None:
    split = split_of(Lake(home), "leave_last")
    counters = Counters.at(home, catalog_of(home), split.known, split.known_until_us)
    assert counters.columns["video_watch_count"].sum() == len(split.known.video_ids)
    assert counters.columns["video_watch_count"][RING] == 0  # the last video is never watched
    assert (counters.columns["watch_decayed_1d"] <= counters.columns["video_watch_count"] + 1e-9).all()
    assert np.array_equal(counters.columns["video_watch_count_30d"], counters.columns["video_watch_count"])


def test_a_split_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="split: expected time or leave_last, found 'later'"):
        SampleConfig("later")  # type: ignore[arg-type]


def test_a_source_finds_every_column_of_a_videos_profile_in_the_catalog_that_it_is_measured_on(tmp_path: Path) -> None:
    """As a served catalog has them: a new source reads another column and nothing else has to change."""
    columns = catalog_of(toy.toy_home(tmp_path)).columns
    served = feed_world.toy_reader().snapshot().columns
    for name in (*VIDEO_PROFILE, "genre_names"):
        assert columns[name].shape == served[name].shape, name
        assert columns[name].dtype.kind == served[name].dtype.kind, name
    assert columns["genres"].tolist() == served["genres"].tolist()
