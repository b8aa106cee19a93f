"""For whom a page is."""

from __future__ import annotations

import pytest

from bento_services.admission.audience import MOST, audience
from bento_services.admission.callers import ANYBODY_HERE, NOBODY, Caller
from bento_services.admission.problem import Problem

TOKEN = Caller("token", frozenset({"serve"}), "token", "u1")


@pytest.mark.parametrize(
    ("user_id", "session_id", "viewers", "found"),
    [
        ("u1", "", (), {"user_id": "u1", "session_id": ""}),
        ("u1", "s", ("u2", "u3", "u2", "u1"), {"user_id": "u1", "session_id": "s", "viewers": ("u2", "u3")}),
        ("", "s", ("u2",), {"user_id": "", "session_id": "s", "viewers": ("u2",)}),
        ("", "", ("u2", "u3"), {"user_id": "u2", "viewers": ("u3",)}),  # who asks first stands for all
    ],
)
def test_each_viewer_counts_once(
    user_id: str, session_id: str, viewers: tuple[str, ...], found: dict[str, object]
) -> None:
    assert audience(ANYBODY_HERE, user_id, session_id, viewers) == found


def test_a_caller_acts_for_each_of_them_or_for_none() -> None:
    assert audience(TOKEN, "", "", ("u1",)) == {"user_id": "u1", "session_id": "", "viewers": ()}
    for caller in (TOKEN, NOBODY):
        with pytest.raises(Problem) as problem:
            audience(caller, "", "", ("u1", "u2"))
        assert problem.value.status == 403


@pytest.mark.parametrize("viewers", [tuple(f"v{number}" for number in range(MOST)), ("",), (" u2",), ("x" * 500,)])
def test_too_many_and_what_is_no_id_are_refused(viewers: tuple[str, ...]) -> None:
    with pytest.raises(Problem) as problem:
        audience(ANYBODY_HERE, "u1", "", viewers)
    assert (problem.value.status, problem.value.details["field"]) == (422, "viewers")
