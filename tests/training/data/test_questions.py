"""What can be asked, and what a row of a question counts for."""

import numpy as np
import pytest

from training.data.questions import Question, QuestionConfig
from training.data.splits import Holdout


def test_rows_of_a_viewer_are_one_unit() -> None:
    holdout = Holdout(["b", "a", "b"], [[], [], []], [[], [], []], np.array([1, 2, 3]), [["v"], ["v"], ["w"]])
    assert Question("", holdout, np.ones(3)).units().tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"split": "weekly"}, "leave_last, time or later"),
        ({"split": "later"}, "ask: expected some of last"),
        ({"split": "time", "ask": ("last",)}, "with split later"),
        ({"split": "later", "ask": ("last",), "quantile": 1.0}, "quantile"),
        ({"max_questions": 0}, "at least 1"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        QuestionConfig(**wrong)  # type: ignore[arg-type]
