"""What may be trained on, by either split."""

import re

import pytest
from worlds.ring import CONFIG, VIEWERS, WATCHES, write_ring

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from training.data.splits import time_cuts
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import check_enough, training_data


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home


def test_neither_split_trains_on_what_it_is_asked(home: Home) -> None:
    cuts = time_cuts(Lake(home))
    by_time = training_data(home, TwoTowerConfig(split="time"))
    assert by_time.train.timestamps_us.max() < cuts.t1_us
    assert (by_time.valid.now_us == cuts.t1_us).all()
    last = training_data(home, CONFIG)
    assert last.train.lengths.tolist() == [WATCHES - 2] * VIEWERS
    assert {len(history) for history in last.valid.histories} == {WATCHES - 2}


def test_too_little_says_what_is_there_what_may_be_learned_from_and_what_is_needed(home: Home) -> None:
    for config, why in (
        (TwoTowerConfig(split="time", min_count=1000), r"on are kept for questions, and videos .* fewer than 1000"),
        (TwoTowerConfig(split="leave_last", min_count=1000), "the last two watches of each viewer"),
    ):
        train = training_data(home, config).train
        with pytest.raises(HomeError, match="too few to train on") as refused:
            check_enough(home, config, train)
        needed = rf"expected watches of at least 2 viewers and 3 videos.*found 0 and 0 .of {VIEWERS} and"
        assert re.search(needed, str(refused.value))
        assert re.search(why, str(refused.value))
    check_enough(home, CONFIG, training_data(home, CONFIG).train)
