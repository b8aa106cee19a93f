"""Exposures of the toy world as codes and outcomes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from worlds import toy

from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.lake.cut import take_cut
from feature_repo.lake.tables import Lake
from feature_repo.schema import MOST_SHOWN_A_DAY
from training.data.rate_tables import Exposures


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return toy.toy_home(tmp_path_factory.mktemp("toy"))


def test_every_exposure_before_a_moment_is_read_with_its_outcome(home: Home) -> None:
    shown = Lake(home).impressions()
    exposures = Exposures.read(home)
    assert len(exposures.timestamps_us) == len(shown)
    clicked = shown["clicked"].to_numpy(zero_copy_only=False)
    assert exposures.outcomes_NL[:, 0].tolist() == clicked.astype(float).tolist()
    middle = int(np.median(exposures.timestamps_us))
    assert len(Exposures.read(home, middle).timestamps_us) == int((exposures.timestamps_us < middle).sum())


def test_of_one_video_and_viewer_so_many_exposures_a_day_are_read(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    before = len(Exposures.read(home).timestamps_us)
    equal = toy.impressions()[0] | {"user_id": "bot", "timestamp_us": toy.at(3, "12:00"), "clicked": True}
    again = [equal | {"impression_id": f"bot-{n}"} for n in range(5 * MOST_SHOWN_A_DAY)]
    Lake(home).append_impressions(pa.Table.from_pylist(again), "bot")
    take_cut(home)
    assert len(Exposures.read(home).timestamps_us) == before + MOST_SHOWN_A_DAY


def test_codes_are_places_in_the_vocabularies(home: Home) -> None:
    exposures, shown = Exposures.read(home), Lake(home).impressions()
    for name in ("user_id", "video_id", "surface"):
        values = exposures.vocabularies[name].values
        kept = map(pseudonym, shown[name].to_pylist()) if name == "user_id" else shown[name].to_pylist()
        assert [values[code] for code in exposures.codes.of[name]] == list(kept)
