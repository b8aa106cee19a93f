"""JSON from outside: what two readers could take for two different things is refused, and nothing breaks the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.core.strict_json import LEAST, MAX_DEPTH, MOST, JsonError, parse

TEXTS = st.text().filter(lambda text: text.isprintable())  # no lone half of a surrogate pair: it is no text
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected JSON"),
        (b"{'a': 1}", "expected JSON"),
        (b"\xff", "expected JSON"),
        (b"NaN", "expected JSON"),
        (b"1e999", "Number out of range"),
        (b'"\\ud800"', "expected JSON"),
        (b"1_0", "expected JSON"),
        (b'{"a": 1, "a": 1}', "the name 'a' twice"),
        (b'[{"b": {"c": 1, "c": 2}}]', "the name 'c' twice"),
        (b'{"a": 1, "\\u0061": 2}', "the name 'a' twice"),
        (b"9" * 400, "a whole number of 400 digits"),
        (b"9" * 5_000, "a whole number of 5000 digits"),
        (str(MOST + 1).encode(), "beyond 64 bits"),
        (str(LEAST - 1).encode(), "beyond 64 bits"),
        (b"[" * 100_000, f"at most {MAX_DEPTH} levels"),
        (b'{"a":' * 100_000, f"at most {MAX_DEPTH} levels"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"at most {MAX_DEPTH} levels"),
    ],
)
def test_what_is_not_strict_json_is_refused_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(JsonError, match=said) as refused:
        parse(data, "event")
    assert str(refused.value).startswith("event: expected ")
    assert "\n" not in str(refused.value)


def test_digits_and_brackets_inside_of_texts_are_text() -> None:
    assert parse(b'["' + b"9" * 400 + b'"]') == ["9" * 400]
    assert parse(b'"' + b"[" * 100 + b'"') == "[" * 100
    assert parse(f"[{LEAST}, {MOST}]".encode()) == [LEAST, MOST]
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
