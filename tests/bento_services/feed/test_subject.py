"""What a query names: what a surface needs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from worlds.arithmetic import BIG
from worlds.surfaces import DRAMA, asked, built

from bento_services.errors import QueryError, UnknownSubject
from bento_services.feed.feed import Feed


@pytest.fixture(scope="module")
def feed() -> Iterator[Feed]:
    feed = built()
    yield feed
    feed.close()


def test_a_category_that_the_catalog_does_not_have_is_unknown(feed: Feed) -> None:
    with pytest.raises(UnknownSubject) as unknown:
        asked(feed, "category", category="Westerns")
    assert set(unknown.value.known) == set(BIG.genres)


@pytest.mark.parametrize(("surface", "named"), [("category", ""), ("home", DRAMA), ("because", DRAMA)])
def test_a_surface_is_told_what_it_needs_and_nothing_else(feed: Feed, surface: str, named: str) -> None:
    with pytest.raises(QueryError, match="category: expected"):
        asked(feed, surface, category=named)
