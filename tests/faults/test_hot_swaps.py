"""Releases that change places under load: no page is lost, and each comes whole from one of them.

Nothing on these pages is random and nobody watches anything, so what a viewer is shown follows from the release alone:
a page with parts of both would differ from all others of the release that it names. Videos are compared and not their
order: over a minute, near-ties change places as everything grows older.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from worlds.live import eventually
from worlds.untrained import releases, untrained_home

from bento_services.client import ONCE, Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from models.release.store import make_champion

VIEWERS = [f"u{number:03}" for number in range(1, 13)]
ASKING = 4
PATIENCE_SECONDS = 60.0
QUIET = """# nothing is drawn at random, cached, or answered by a quick rung because the machine is slow
[feed]
explore = false
page_cache_pages = 0
deadline_ms = 5000

[service]
page_wait_seconds = 5
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = untrained_home(tmp_path / "home")
    (home.root / "marquee.toml").write_text(QUIET)
    return home


@pytest.mark.parametrize("swaps", [6, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_every_page_comes_from_exactly_one_release_while_they_change_places(home: Home, swaps: int) -> None:
    shown: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    rungs: set[str] = set()
    stopping = threading.Event()

    def ask(viewers: Sequence[str], url: str) -> int:
        """Until it is told to stop; how many pages came. Raises what goes wrong."""
        with Client(url, timeout_seconds=PATIENCE_SECONDS, retries=ONCE) as client:
            for number in itertools.count():
                if stopping.is_set():
                    return number
                viewer = viewers[number % len(viewers)]
                page = client.home(viewer)
                shown[viewer, page.release_id].add(tuple(sorted(item.video_id for item in page.recommendations)))
                rungs.add(page.served_by)
        raise AssertionError("it never stops counting")

    with (
        running(home, http_port=0, grpc_port=0) as ports,
        Client(ports.http_url, timeout_seconds=PATIENCE_SECONDS) as client,
        ThreadPoolExecutor(ASKING) as threads,
    ):
        asking = [threads.submit(ask, VIEWERS[at::ASKING], ports.http_url) for at in range(ASKING)]
        try:
            for _ in range(swaps):
                other = releases(home)[1]
                make_champion(home, other)
                eventually(lambda other=other: client.home("u040").release_id == other, PATIENCE_SECONDS)  # type: ignore[misc]
        finally:
            stopping.set()
        pages = sum(each.result() for each in asking)
    print(f"{swaps} swaps, {pages} pages of {len(shown)} pairs of a viewer and a release")
    assert rungs == {"full_funnel"}
    assert len(shown) > len(VIEWERS)  # of both releases; a slow machine may not come to every pair
    assert {key: len(lists) for key, lists in shown.items() if len(lists) > 1} == {}
    assert pages > swaps
