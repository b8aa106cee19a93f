"""What identifies a caller or a viewer in a request is read, or refused in our words, and nothing else happens."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from bento_services.admission.hosts import host_named
from bento_services.admission.keys import Keys
from bento_services.admission.problem import Problem
from bento_services.http.headers import check_path, check_query, header_text, headers_of
from bento_services.viewer_tokens import read_token

latin = st.text(st.characters(max_codepoint=255), max_size=60)
nearly_hosts = st.from_regex(
    r"(\[?[0-9a-fA-F:.]{0,20}\]?|localhost|[a-z.]{0,9})(:[0-9]{0,7})?(@[a-z]+)?", fullmatch=True
)
nearly_tokens = st.from_regex(r"mv_[0-9a-f]{0,12}\.[0-9]{0,14}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,44}=?")


@given(st.text(max_size=60) | nearly_hosts)
def test_a_host_is_one_or_none(header: str) -> None:
    host = host_named(header)
    assert host is None or host_named(f"[{host}]:80" if ":" in host else f"{host}:80") == host


@given(st.text(max_size=200) | nearly_tokens)
def test_what_nobody_signed_admits_nobody(text: str) -> None:
    token = read_token(text)
    assert token is None or not token.is_signed_with(b"secret")
    try:
        Keys(required=True).caller(text)
    except Problem as problem:
        refused = problem
    assert refused.status == 401


@given(latin | st.text(max_size=60).map(quote))
def test_a_header_is_text_or_a_problem(value: str) -> None:
    try:
        text = header_text(value, "X-User-Id")
    except Problem as problem:
        refused = problem
    else:
        assert text.encode().decode() == text
        return
    assert refused.status == 400


@given(st.lists(st.tuples(st.sampled_from([b"host", b"Host", b"x-user-id", b"accept"]) | st.binary(), st.binary())))
def test_headers_are_a_table_or_a_problem(raw: list[tuple[bytes, bytes]]) -> None:
    try:
        assert set(headers_of(raw)) == {name.decode("latin-1").lower() for name, _ in raw}
    except Problem as problem:
        refused = problem
    else:
        return
    assert refused.status == 400


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: quote(text).encode()))
def test_a_path_and_a_query_go_on_or_are_a_problem(raw: bytes) -> None:
    for look in (check_path, check_query):
        try:
            look(raw)
        except Problem as problem:
            refused = problem
        else:
            continue
        assert refused.status in (400, 404)
