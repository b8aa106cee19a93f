"""A drawn picture says the title, and nothing in a title is markup."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bento_services.http.thumbnail import picture

TITLES = ["Paper Orbit", '</text><script>alert("1")</script>', "&lt;" * 30, "\x00\ud7ff\u202e", "", "a" * 500]


@pytest.mark.parametrize("title", TITLES)
def test_whatever_the_title_it_is_one_picture_without_anything_that_runs(title: str) -> None:
    root = ElementTree.fromstring(picture(title, title))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "rect", "g", "text"}
    assert len(picture(title, title)) < 2_000


def test_a_category_has_its_colour() -> None:
    assert picture("One", "Drama").split(b"<g")[0] == picture("Two", "Drama").split(b"<g")[0]
    assert picture("One", "Drama").split(b"<g")[0] != picture("One", "Comedy").split(b"<g")[0]
