"""What a search asks for."""

from __future__ import annotations

import pytest

from bento_services.admission.problem import Problem
from bento_services.catalog.searched import MAX_TEXT_LENGTH, searched


def test_the_text_is_kept_as_it_was_typed() -> None:
    assert searched(" The Matrix ").text == " The Matrix "
    assert searched("я" * MAX_TEXT_LENGTH).text == "я" * MAX_TEXT_LENGTH


@pytest.mark.parametrize("q", ["", " ", "\n", "x" * (MAX_TEXT_LENGTH + 1)])
def test_nothing_and_too_much_are_refused(q: str) -> None:
    with pytest.raises(Problem) as refused:
        searched(q)
    assert (refused.value.status, refused.value.details) == (422, {"field": "q"})
