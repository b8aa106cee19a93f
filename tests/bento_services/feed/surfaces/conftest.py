"""One feed that every surface is asked of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from worlds.surfaces import built

from bento_services.feed.feed import Feed


@pytest.fixture(scope="module")
def feed() -> Iterator[Feed]:
    feed = built()
    yield feed
    feed.close()
