"""What one request may ask for: strict reading, and limits that cannot refuse everything."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from bento_services.admission.limits import MAX_DEPTH, Limits, identifier, read_json
from bento_services.admission.problem import Problem
from feature_repo.events import MAX_ID_LENGTH


@pytest.mark.parametrize("name", [limit.name for limit in fields(Limits)])
def test_a_limit_that_would_refuse_every_request_is_refused_itself(name: str) -> None:
    zero: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name}: expected more than 0, found 0"):
        Limits(**zero)


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b'{"a": 1,}'])
def test_what_is_not_strict_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Problem, match="X-Context is not JSON") as refused:
        read_json(body, "X-Context")
    assert (refused.value.status, refused.value.code) == (400, "malformed")


def test_json_may_be_nested_up_to_the_limit_and_no_deeper() -> None:
    deepest = b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1)
    assert read_json(deepest)
    with pytest.raises(Problem, match=f"nested more than {MAX_DEPTH} deep"):
        read_json(b"[" + deepest + b"]")


def test_an_identifier_is_short_and_printable() -> None:
    assert identifier("ü" * MAX_ID_LENGTH, "user_id") == "ü" * MAX_ID_LENGTH
    assert identifier("", "user_id") == ""
    for wrong in ("u" * (MAX_ID_LENGTH + 1), "a\nb", "a\x00"):
        with pytest.raises(Problem, match="user_id: expected at most") as refused:
            identifier(wrong, "user_id")
        assert refused.value.status == 422
        assert refused.value.details == {"field": "user_id"}
