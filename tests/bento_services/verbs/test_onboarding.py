"""What may be picked: lists of texts, each once, none too long."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.admission.problem import Problem
from bento_services.verbs.onboarding import names


def test_each_name_counts_once_in_the_order_in_which_it_was_said() -> None:
    assert names({"video_ids": ["b", "a", "b"]}, "video_ids", 3) == ["b", "a"]
    assert names({"genres": ["a"]}, "video_ids", 3) == []


@pytest.mark.parametrize("value", [None, "a", ["a", 1], ["a"] * 4, [""], [" a"], {"a": 1}])
def test_what_is_no_list_of_names_is_refused(value: Any) -> None:
    with pytest.raises(Problem) as refused:
        names({"video_ids": value}, "video_ids", 3)
    assert refused.value.status == 422
