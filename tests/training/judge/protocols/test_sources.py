"""What each source finds, and all at the same count: on a ring of videos, behind an untrained two-tower model."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from worlds.ring import CONFIG, write_ring

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data
from training.judge.protocols.sources import SOURCES_ROWS, SourcesProtocol, _in_turns, run_sources

SAID = {"name": "small", "kind": "sources", "seeds": [0], "max_viewers": 10, "factors": [{"factors": 2}]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    directory = home.models / "two_tower"
    Trainer(home, CONFIG, training_data(home, CONFIG)).export().save(directory)
    (directory / "training.json").write_text(json.dumps({"config": asdict(CONFIG), "split": CONFIG.split}))
    return home


def test_every_row_of_the_table_is_measured_once_and_kept(home: Home) -> None:
    results = run_sources(home, SAID, "marquee evaluate --protocol small")
    assert [run.model for run in results.runs] == list(SOURCES_ROWS)
    recalls = {run.model: run.figures.get("recall_at_500") for run in results.runs}
    assert recalls["union"] == pytest.approx(1.0)  # a ring has fewer videos than a page ranks
    again = run_sources(home, SAID, "again")
    assert [run.figures for run in again.runs] == [run.figures for run in results.runs]
    assert [run.cpu_seconds for run in again.runs] == [run.cpu_seconds for run in results.runs]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"split": "weekly"}, "protocol small: split: expected time or leave_last, found 'weekly'"),
        ({"models": "none"}, "expected models home or fit"),
        ({"about": "cold_start"}, "about cold_start: expected models fit, found home"),
        ({"about": "weather"}, "about: expected sources or cold_start, found 'weather'"),
        ({"factors": [{"width": 2}]}, "protocol small: .*width"),
        ({"seeds": []}, "some seeds and factors"),
    ],
)
def test_a_bad_protocol_says_what_is_wrong(changes: dict[str, object], says: str) -> None:
    with pytest.raises(HomeError, match=says):
        SourcesProtocol.of({**SAID, **changes}, {"split": "time"})


def test_without_a_model_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="run `marquee train` first"):
        run_sources(Home(tmp_path), SAID, "c")


def test_a_mix_takes_turns_by_its_share_and_nobody_twice() -> None:
    popular, own = np.array([[1, 2, 3, 4]]), np.array([[2, 7, 8, -1]])
    mixed = _in_turns(popular, own, 0.5)[0]
    assert mixed[:4].tolist() == [2, 1, 7, 3]
    assert sorted(mixed[mixed >= 0].tolist()) == [1, 2, 3, 4, 7, 8]
