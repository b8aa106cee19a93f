"""For whom a caller may act."""

from __future__ import annotations

import pytest

from bento_services.admission.callers import ANYBODY_HERE, Caller
from bento_services.admission.problem import Problem

NO_VIEWER = Caller("monitoring", frozenset({"serve"}), "none")
ONE_VIEWER = Caller("app", frozenset({"serve"}), "token", "Zoë")


def test_a_scope_is_its_own_and_admin_is_all() -> None:
    assert [NO_VIEWER.has(scope) for scope in ("serve", "events", "catalog", "admin", "metrics")] == [
        True,
        *[False] * 4,
    ]  # type: ignore[arg-type]
    assert Caller("me", frozenset({"admin"})).has("metrics")


def test_any_viewer_one_or_none() -> None:
    assert ANYBODY_HERE.acts_for("u1", "s1") == "u1"
    assert ANYBODY_HERE.acts_for("") == ""
    assert ONE_VIEWER.acts_for("Zoë") == ONE_VIEWER.acts_for("") == ONE_VIEWER.acts_for("", "s1") == "Zoë"
    assert NO_VIEWER.acts_for("") == ""


@pytest.mark.parametrize(
    ("caller", "named"), [(ONE_VIEWER, ("u1", "")), (NO_VIEWER, ("u1", "")), (NO_VIEWER, ("", "s1"))]
)
def test_a_viewer_who_is_not_the_callers_is_refused(caller: Caller, named: tuple[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        caller.acts_for(*named)
    assert (refused.value.status, refused.value.code) == (403, "not_this_viewer")
