"""A ranking protocol is read as its file says, and a file that cannot be run says why."""

from pathlib import Path

import pytest
from worlds.small_protocol import write

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from training.judge.protocols.ranking import RankingProtocol
from training.judge.protocols.reading import CONFIGS, read_protocol
from training.release.evaluate import evaluate_protocol


def test_every_protocol_of_ranking_can_be_read() -> None:
    said = [read_protocol(file.stem) for file in CONFIGS.glob("*.toml")]
    found = {own["name"]: RankingProtocol.of(own) for own in said if own["kind"] == "ranking"}
    assert found["kuairand"].windows.train_from == 1_650_816_000_000_000
    assert found["kuairand"].lightgbm[2].min_data_in_leaf == 200


def test_a_moment_without_a_zone_is_utc_on_every_machine(tmp_path: Path) -> None:
    said = read_protocol(write(tmp_path, train_from='"2022-04-24 16:00:00"', test_until="2022-05-01"))
    assert RankingProtocol.of(said).windows.train_from == 1_650_816_000_000_000
    assert RankingProtocol.of(said).windows.test_until == 1_651_363_200_000_000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, r"small\.toml: name: expected text, found nothing"),
        ({"name": '"../up"'}, r"small\.toml: name: expected one that a folder can have, found '../up'"),
        ({"kind": ""}, r"small\.toml: kind: expected text, found nothing"),
        ({"seeds": '"abc"'}, r"small\.toml: seeds: expected a list, each a whole number, found 'abc'"),
        ({"seeds": '["a"]'}, r"small\.toml: seeds\[0\]: expected a whole number, found 'a'"),
        ({"seeds": "[-1]"}, r"small\.toml: seeds: expected none below 0, found -1"),
        ({"seeds": ""}, "protocol small: seeds: expected a list, each a whole number, found nothing"),
        ({"seeds": "[]"}, "protocol small: expected some seeds"),
        ({"test_from": '"Friday"'}, "protocol small: test_from: expected an ISO time as .*, found 'Friday'"),
        ({"test_from": ""}, "protocol small: test_from: expected an ISO time as .*, found nothing"),
        ({"test_from": '"2001-01-01T00:00:00Z"'}, "expected train_from < validate_from < test_from"),
        ({"features": '"frozenn"'}, "protocol small: features: expected frozen or live, found 'frozenn'"),
        ({"reference": '"nobody"'}, "a reference among rates, lightgbm, network, trees, ranker; found 'nobody'"),
        ({"speed": "3"}, "protocol small: speed: expected one of name, .*, ranker, found 'speed'"),
        ({"ranker": "{ depth = 3 }"}, r"protocol small: ranker\.depth: expected one of seed, .*, found 'depth'"),
        ({"ranker": '{ width = "a" }'}, r"protocol small: ranker\.width: expected a whole number, found 'a'"),
        ({"ranker": "{ action_losses = { clicks = 1 } }"}, r"protocol small: action_losses: expected click"),
        ({"two_tower": "{ depth = 3 }"}, r"protocol small: two_tower\.depth: expected one of split, .*, found 'depth'"),
        ({"two_tower": "{ content = 1 }"}, r"protocol small: two_tower\.content: expected true or false, found 1"),
        ({"lightgbm": "[{ leaves = 7 }]"}, r"protocol small: lightgbm\[0\]\.leaves: expected one of num_leaves, "),
        ({"lightgbm": "[{}, { num_leaves = 7.5 }]"}, r"lightgbm\[1\]\.num_leaves: expected a whole number, found 7\.5"),
        ({"lightgbm": "[{ num_leaves = 1 }]"}, "protocol small: lightgbm: expected 2 leaves, .*num_leaves=1"),
        ({"lightgbm": "[]"}, r"protocol small: expected some seeds, some points of \[\[lightgbm\]\]"),
    ],
)
def test_a_file_that_cannot_be_run_says_why(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    with pytest.raises(HomeError, match=says) as error:
        evaluate_protocol(Home(tmp_path), write(tmp_path, **changes), "c")
    assert "\n" not in str(error.value)
