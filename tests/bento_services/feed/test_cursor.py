"""A cursor comes back as it was made, or is refused; it never makes a page fail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bento_services.errors import QueryError
from bento_services.feed.cursor import MAX_PAGE, MAX_SHOWN, Cursor, decode

marks = st.lists(st.integers(0, 2**32 - 1), max_size=50)


def cursor(shown: list[int], page: int = 1) -> Cursor:
    return Cursor(page, np.array(shown, dtype=np.uint32))


@given(marks, st.integers(1, MAX_PAGE), st.text(max_size=128))
def test_what_was_encoded_is_decoded(shown: list[int], page: int, viewer: str) -> None:
    found = decode(cursor(shown, page).encode(viewer), viewer)
    assert (found.page, found.shown.tolist()) == (page, shown)


def test_a_cursor_is_fit_for_a_query_string_and_stays_short() -> None:
    text = cursor(list(range(MAX_SHOWN))).encode("u1")
    assert text.replace("-", "").replace("_", "").isalnum()
    assert len(text) < 5_500


@given(marks, st.data())
def test_a_changed_character_is_refused(shown: list[int], data: st.DataObject) -> None:
    text = cursor(shown).encode("u1")
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCxyz059-_"))
    changed = text[:at] + letter + text[at + 1 :]
    try:
        found = decode(changed, "u1")
    except QueryError:
        return
    assert found.shown.tolist() == shown  # the bits that base64 does not use carry nothing


@given(st.text(max_size=200))
def test_whatever_is_no_cursor_is_refused_as_the_callers_mistake(text: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        decode(text or "x", "u1")


def test_another_viewers_cursor_is_refused() -> None:
    with pytest.raises(QueryError, match="another viewer"):
        decode(cursor([1, 2]).encode("u1"), "u2")


@pytest.mark.parametrize("page", [0, MAX_PAGE + 1, 2**16 - 1])
def test_a_page_that_no_feed_has_is_refused_although_its_digest_is_right(page: int) -> None:
    with pytest.raises(QueryError, match="an earlier page"):
        decode(cursor([1, 2], page).encode("u1"), "u1")
