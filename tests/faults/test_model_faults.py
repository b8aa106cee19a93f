"""A ranker or a user tower that hangs, fails, or returns nonsense: each page comes in time, from the next rung."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.by_hand import MemoryLog

from bento_services.engine import Engine
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from feature_repo.store.idempotency import MemoryAnswers
from feature_repo.store.receipts import MemoryReceipts

DEADLINE_MS = 2_000  # ten times the usual: no test waits for a busy machine
CONFIG = FeedConfig(deadline_ms=DEADLINE_MS, breaker_seconds=0.3, explore=False, page_cache_pages=0)


class Hanging:
    """A model whose first method call that matters does not return until it is let go."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.let_go = threading.Event()

    def __getattr__(self, name: str) -> Any:
        if name in ("rank", "user_vectors"):
            self.let_go.wait(60)
        return getattr(self._model, name)


class Served:
    """A real feed of the toy world behind an engine, whose models can be exchanged."""

    def __init__(self, **parts: Callable[[Any], Any]) -> None:
        release = feed_world.toy_release()
        self.parts = {name: wrap(getattr(release, name)) for name, wrap in parts.items()}
        release = replace(release, **self.parts)
        self.engine = Engine(
            release,
            feed_world.toy_reader(),
            MemoryLog(),  # type: ignore[arg-type]
            MemoryAnswers(),
            MemoryReceipts(),
            make_feed=partial(build_feed, config=CONFIG, now_us=lambda: feed_world.NOW_US),
        )

    async def page(self) -> tuple[str, float]:
        """The rung that answered, and after how many seconds."""
        started = perf_counter()
        page = await self.engine.answer("home", Query(user_id="heavy", limit=5))
        assert page.recommendations
        return page.served_by, perf_counter() - started


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def serve(**parts: Callable[[Any], Any]) -> Served:
        made.append(Served(**parts))
        return made[-1]

    yield serve
    for served in made:
        for part in served.parts.values():
            if isinstance(part, Hanging):
                part.let_go.set()
        served.engine.close()


@pytest.mark.parametrize(("part", "rung"), [("ranker", "retrieval_only"), ("retrieval", "popular")])
async def test_while_a_model_hangs_pages_come_from_below_it_and_full_quality_is_back_after_it(
    serve: Callable[..., Served], part: str, rung: str
) -> None:
    served = serve(**{part: Hanging})
    pages = [await served.page() for _ in range(4)]
    assert pages[0][0] == rung
    assert "full_funnel" not in {name for name, _ in pages}
    assert max(seconds for _, seconds in pages) < 0.9 * DEADLINE_MS / 1e3
    served.parts[part].let_go.set()
    await asyncio.sleep(2 * CONFIG.breaker_seconds)
    assert (await served.page())[0] == "full_funnel"


async def test_under_far_more_callers_than_can_be_answered_well_every_page_has_videos_chosen_for_its_viewer(
    serve: Callable[..., Served],
) -> None:
    served = serve(ranker=partial(Slow, seconds=0.02))
    for attempt in range(3):
        pages = await asyncio.gather(*(served.page() for _ in range(150)))
        rungs = Counter(name for name, _ in pages)
        assert rungs["base_order"] or not attempt, rungs  # the first may have come before the viewer's base was made
        assert not rungs["static"], rungs  # which is for viewers of whom nothing can be read
    assert (await served.page())[0] == "full_funnel"


class Slow:
    """A ranker that takes so long for each page."""

    def __init__(self, ranker: Any, seconds: float) -> None:
        self._ranker, self._seconds = ranker, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ranker, name)

    def rank(self, asked: Any) -> Any:
        sleep(self._seconds)
        return self._ranker.rank(asked)


class Wrong:
    """A ranker whose scores are what `wrong` makes of the right ones."""

    def __init__(self, ranker: Any, wrong: Callable[[Any], Any]) -> None:
        self._ranker, self._wrong = ranker, wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ranker, name)

    def rank(self, asked: Any) -> Any:
        return {name: self._wrong(values) for name, values in self._ranker.rank(asked).items()}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda values: np.full(len(values), np.nan), id="NaN"),
        pytest.param(lambda values: values[:-1], id="one too few"),
        pytest.param(lambda values: np.append(values, 1.0), id="one too many"),
        pytest.param(lambda values: np.zeros((len(values), 2)), id="a matrix"),
        pytest.param(lambda values: None, id="nothing"),
    ],
)
async def test_a_ranker_that_returns_nonsense_is_passed_over(serve: Callable[..., Served], wrong: Any) -> None:
    served = serve(ranker=lambda ranker: Wrong(ranker, wrong))
    assert {(await served.page())[0] for _ in range(5)} == {"retrieval_only"}
