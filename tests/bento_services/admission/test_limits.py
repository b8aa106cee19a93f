"""What one request may ask for: strict reading, and limits that cannot refuse everything."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from bento_services.admission.limits import Limits, identifier, read_json
from bento_services.admission.problem import Problem
from feature_repo.core.strict_json import MAX_DEPTH
from feature_repo.limits import MAX_ID_LENGTH


@pytest.mark.parametrize("name", [limit.name for limit in fields(Limits)])
def test_a_limit_that_would_refuse_every_request_is_refused_itself(name: str) -> None:
    zero: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name}: expected more than 0, found 0"):
        Limits(**zero)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b'{"a": 1,}', b'{"a": 1, "a": 1}', b"9" * 400]
)
def test_what_is_not_strict_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Problem, match="X-Context: expected JSON") as refused:
        read_json(body, "X-Context")
    assert (refused.value.status, refused.value.code) == (400, "malformed")


def test_json_may_be_nested_up_to_the_limit_and_no_deeper() -> None:
    deepest = b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert read_json(deepest)
    with pytest.raises(Problem, match=f"at most {MAX_DEPTH} levels"):
        read_json(b"[" + deepest + b"]")


def test_an_identifier_is_short_and_printable() -> None:
    assert identifier("ü" * MAX_ID_LENGTH, "user_id") == "ü" * MAX_ID_LENGTH
    assert identifier("", "user_id") == ""
    assert identifier("cafe\u0301", "user_id") == "caf\u00e9"
    for wrong in ("u" * (MAX_ID_LENGTH + 1), "a\nb", "a\x00", " u", "u "):
        with pytest.raises(Problem, match="user_id: expected printable text") as refused:
            identifier(wrong, "user_id")
        assert refused.value.status == 422
        assert refused.value.details == {"field": "user_id"}
