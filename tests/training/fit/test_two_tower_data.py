"""What may be trained on, by either split."""

import pytest
from worlds.ring import CONFIG, VIEWERS, WATCHES, write_ring

from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from training.data.splits import time_cuts
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data


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
