"""Headers say one thing: once, in UTF-8, and no path is two."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bento_services.admission.problem import Problem
from bento_services.http.headers import ONCE, check_path, check_query, header_text, headers_of


def wire(text: str) -> str:
    """UTF-8 as a server hands it on."""
    return text.encode().decode("latin-1")


@given(st.text().filter(lambda text: "%" not in text and text.isprintable()))
def test_text_is_the_same_in_utf8_and_percent_encoded(text: str) -> None:
    assert header_text(wire(text), "X-User-Id") == text == header_text(quote(text), "X-User-Id")


def test_a_percent_sign_is_encoded_except_in_json_which_has_its_own_escapes() -> None:
    assert header_text("50%25", "X-User-Id") == "50%"
    context = '{"device": "50% Küche"}'
    assert header_text(wire(context), "X-Context") == context == header_text(quote(context), "X-Context")


@pytest.mark.parametrize("value", ["Zo\xeb", "%E", "%", "50%", "%zz", "%ff", "%C3", "%ED%A0%80", "%+1"])
def test_what_is_no_utf8_is_refused(value: str) -> None:
    with pytest.raises(Problem, match="X-User-Id: expected") as refused:
        header_text(value, "X-User-Id")
    assert (refused.value.status, refused.value.details) == (400, {"field": "X-User-Id"})


def test_what_decides_who_asks_may_be_there_once() -> None:
    for name in ONCE:
        with pytest.raises(Problem, match=f"{name}: expected one, found several") as refused:
            headers_of([(name.encode(), b"a"), (name.title().encode(), b"a")])
        assert refused.value.status == 400
    assert headers_of([(b"Accept", b"a"), (b"accept", b"b"), (b"host", b"c")]) == {"accept": "a", "host": "c"}


@pytest.mark.parametrize("path", [b"/api/v1/status", b"/api/v1/viewers/Zo%C3%AB", b"/api/v1/viewers/a%2Fb%00"])
def test_a_path_that_is_text_goes_on(path: bytes) -> None:
    check_path(path)


@pytest.mark.parametrize(
    ("path", "status"), [(b"/%FF", 400), (b"/%ED%A0%80", 400), (b"/livez%0A", 404), (b"/%0a/a", 404)]
)
def test_one_that_is_none_or_hides_an_end_of_line_is_refused(path: bytes, status: int) -> None:
    with pytest.raises(Problem) as refused:
        check_path(path)
    assert refused.value.status == status


def test_a_parameter_that_is_there_twice_or_is_no_text_is_refused() -> None:
    for query in (b"", b"limit=5", b"limit=5&cursor=", b"&&limit=5"):
        check_query(query)
    for query in (b"limit=5&limit=5", b"limit=5&%6cimit=6", b"a&b&a", b"viewers=%E9", b"q=\xff&limit=5"):
        with pytest.raises(Problem) as refused:
            check_query(query)
        assert refused.value.status == 400
