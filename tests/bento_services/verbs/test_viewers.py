"""What operators are told of viewers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from worlds.by_hand import Made

from bento_services.admission.problem import Problem
from bento_services.verbs.viewers import LikedGenre, WatchedVideo, known_of, some_viewers


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()


async def test_the_example_comes_first_and_alone_while_the_store_is_away(made: Made) -> None:
    assert (await some_viewers(made.engine, 20)).viewers == ["u1", "u2"]
    assert (await some_viewers(made.engine, 1)).viewers == ["u1"]
    made.reader.down = True
    assert (await some_viewers(made.engine, 20)).viewers == ["u1"]


async def test_what_was_watched_and_liked_is_told_but_not_what_was_taken_down(made: Made) -> None:
    found = await known_of(made.engine, "u1")
    assert (found.known, found.country, found.watch_count) == (True, "US", 1)
    assert found.history == [WatchedVideo("v6", "Video “6”", 0.5)]
    assert found.genres == [LikedGenre("Drama", 2.0)]
    made.reader.taken_down.add("v6")
    made.reader.refresh()
    assert (await known_of(made.engine, "u1")).history == []


async def test_somebody_never_seen_is_known_of_as_nobody(made: Made) -> None:
    found = await known_of(made.engine, "stranger")
    assert (found.known, found.watch_count, found.history, found.genres) == (False, 0, [], [])


async def test_what_is_no_id_and_no_limit_is_refused(made: Made) -> None:
    with pytest.raises(Problem, match="user_id"):
        await known_of(made.engine, "")
    with pytest.raises(Problem, match="limit"):
        await some_viewers(made.engine, 101)
