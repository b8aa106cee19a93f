"""Pages while each of a home's parts is killed or paused: never an error, never a hang, and soon whole again.

`make faults` asks for 100,000 pages meanwhile and prints a table: what was done to which part, how the pages were
answered, and after how many seconds the best rung was back once the cause had gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from worlds.callers import Answered, ask_while, requests_of
from worlds.live import ROOT, eventually, store_pid
from worlds.pace import slower
from worlds.postgres import Postgres, new_database, postgres

from bento_services.client import Client, NotReached, Unavailable
from bento_services.process.child import pid_of
from bento_services.process.supervisor import running
from feature_repo.core.home import Home

HOME_PATH = "/api/v1/recommendations/home"
VIEWERS = [f"u{number:05}" for number in range(1, 40)]
WATCHER = "u00050"
FILM = {"title": "A film", "duration_seconds": 60.0}
CALLERS = 2  # as many as there are cores on a small machine: what is measured is the service
PAUSED_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
# Of `make faults`, on a machine that does nothing else; a slower one is given more (worlds/pace.py).
MOST_BACK_SECONDS = 2.0
MOST_PAGE_MS = 150.0


@dataclass(frozen=True)
class Fault:
    """What is done to a part; `lifted` when `strike` returns, the cause has gone."""

    part: str
    times: int
    strike: Callable[[], None]
    cuts: bool = False  # it takes the connections of callers with it


@dataclass
class Told:
    pages: Answered = field(default_factory=Answered)
    back_seconds: list[float] = field(default_factory=list)

    def row(self, fault: Fault) -> str:
        rungs = ", ".join(f"{count} {rung}" for rung, count in self.pages.rungs.most_common())
        times = f"p50 {self.pages.quantile(0.5):.1f}, p99.9 {self.pages.quantile(0.999):.0f} ms, longest"
        back = f"whole again after {median(self.back_seconds):.2f} s, at most {max(self.back_seconds):.2f}"
        return (
            f"{fault.part} × {fault.times}: {dict(self.pages.statuses)}; {rungs}; "
            f"{times} {max(self.pages.milliseconds):.0f} ms; {back}"
        )


@contextmanager
def callers(url: str, at_least: int) -> Iterator[Answered]:
    """Ask for pages beside the block, and after it until so many have come."""
    answered, stopping = Answered(), threading.Event()

    def going() -> bool:
        return not stopping.is_set() or answered.statuses.total() < at_least

    asking = ask_while(going, url, requests_of(HOME_PATH, VIEWERS), CALLERS, answered)
    thread = threading.Thread(target=asyncio.run, args=(asking,))
    thread.start()
    try:
        yield answered
    finally:
        stopping.set()
        thread.join()


def whole(client: Client) -> bool:
    """Whether a page comes from the best rung, the catalog takes a change, and an event is folded."""
    event = {"event_id": f"e{time.monotonic_ns()}", "user_id": WATCHER, "item_id": "v00001", "event": "click"}
    try:
        page = client.home(WATCHER, context={"deadline_ms": 5_000})
        client.put_video("film", FILM)
        client.send([event])
        client.wait_until_visible(event["event_id"], 1.0)
    except (TimeoutError, Unavailable, NotReached):  # its own connection went with the service
        return False
    return bool(page.served_by == "full_funnel")


def killed(pid: Callable[[], int]) -> None:
    os.kill(pid(), signal.SIGKILL)


def paused(pid: Callable[[], int]) -> None:
    found = pid()
    os.kill(found, signal.SIGSTOP)
    time.sleep(PAUSED_SECONDS)
    os.kill(found, signal.SIGCONT)


def replaced(server: Postgres) -> None:
    server.kill()
    time.sleep(PAUSED_SECONDS)
    server.start()


def faults(home: Home, server: Postgres, share: float) -> list[Fault]:
    def times(often: int) -> int:
        return max(1, round(share * often))

    return [
        Fault("store killed", times(20), partial(killed, partial(store_pid, home))),
        Fault("store paused", times(10), partial(paused, partial(store_pid, home))),
        Fault("PostgreSQL killed", times(10), partial(replaced, server)),
        Fault("processor killed", times(10), partial(killed, partial(pid_of, home, "processor"))),
        Fault("processor paused", times(10), partial(paused, partial(pid_of, home, "processor"))),
        Fault("service killed", times(10), partial(killed, partial(pid_of, home, "service")), cuts=True),
    ]


@pytest.mark.parametrize(
    ("share", "pages"),
    [(0.05, 0), pytest.param(1.0, 100_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])],
)
def test_no_page_is_an_error_or_hangs_and_pages_are_whole_again_soon(own_world: Path, share: float, pages: int) -> None:
    home = Home.open(own_world)
    with ExitStack() as stack:
        server = stack.enter_context(postgres())
        (home.root / "marquee.toml").write_text(f'[catalog]\nurl = "{new_database(server.url)}"\n')
        listing = [sys.executable, "marquee.py", "videos", "list", "--home", str(home.root)]
        subprocess.run(listing, cwd=ROOT, check=True, capture_output=True)  # takes the videos over
        ports = stack.enter_context(running(home, http_port=0, grpc_port=0))
        client = stack.enter_context(Client(ports.http_url, timeout_seconds=PATIENCE_SECONDS))
        eventually(lambda: whole(client), PATIENCE_SECONDS)
        found = faults(home, server, share)
        told = [(fault, struck(fault, client, ports.http_url, pages // len(found))) for fault in found]
    pace = slower()
    print(f"\n{pace:.1f} times slower than the limits are for\n" + "\n".join(each.row(fault) for fault, each in told))
    for fault, each in told:
        assert set(each.pages.statuses) <= ({200, 0} if fault.cuts else {200}), each.row(fault)
        assert each.pages.statuses[0] <= CALLERS * fault.times
        assert not each.pages.empty
        if pages:
            assert median(each.back_seconds) <= pace * MOST_BACK_SECONDS or fault.cuts
            assert fault.cuts or each.pages.quantile(0.999) <= pace * MOST_PAGE_MS


def struck(fault: Fault, client: Client, url: str, at_least: int) -> Told:
    told = Told()
    with callers(url, at_least) as told.pages:
        for _ in range(fault.times):
            fault.strike()
            lifted = time.monotonic()
            eventually(lambda: whole(client), PATIENCE_SECONDS)
            told.back_seconds.append(time.monotonic() - lifted)
    return told
