"""From a lake to the questions of a protocol, by each of the splits."""

import pytest
from worlds import toy

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from training.data.questions import QuestionConfig
from training.data.read_questions import questions_of
from training.data.splits import split_of, watches


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return toy.toy_home(tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize("rule", ["time", "leave_last"])
def test_the_test_part_of_the_split_is_the_one_question(home: Home, rule: str) -> None:
    split = split_of(Lake(home), rule)  # type: ignore[arg-type]
    found = questions_of(home, QuestionConfig(split=rule))  # type: ignore[arg-type]
    (only,) = found.questions
    assert (only.asked.user_ids, only.asked.targets) == (split.test.user_ids, split.test.targets)
    assert only.weight_B.tolist() == [1.0] * len(split.test)
    assert found.catalog == Lake(home).videos()["video_id"].to_pylist()
    assert found.facts["viewers"] == len(split.test)


def test_rare_videos_leave_the_catalog_and_few_are_asked_about_where_few_are_wanted(home: Home) -> None:
    found = questions_of(home, QuestionConfig(split="leave_last", min_count=2, max_viewers=1, max_validation=1))
    assert found.catalog == sorted(split_of(Lake(home), "leave_last", 2).catalog or ())
    assert (len(found.questions[0].asked), len(found.valid)) == (1, 1)


def test_later_asks_after_one_instant(home: Home) -> None:
    found = questions_of(home, QuestionConfig(split="later", ask=("last", "successive"), quantile=0.5))
    assert [question.name for question in found.questions] == ["_last", "_successive"]
    after = watches(Lake(home))["timestamp_us"].to_numpy() >= found.known_until_us
    assert 0 < len(found.questions[1].asked) <= after.sum()


def test_where_nobody_can_be_asked_the_lake_is_named(home: Home) -> None:
    with pytest.raises(HomeError, match="expected viewers to ask about, found none"):
        questions_of(home, QuestionConfig(split="leave_last", min_count=1000))
