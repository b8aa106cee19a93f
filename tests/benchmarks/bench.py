"""What Marquee costs and how fresh it is, measured on a world that is ready to serve: one table, and JSON.

    python tests/benchmarks/bench.py --home DIR [--json FILE]        (`make demo ARGS=--once` makes the default home)

`make bench` adds --record: the table goes into docs/quality/ and docs/quality.md is put together anew.

Ratios come from alternating pairs in one run, so that a machine that is busy or slow is so for both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]

import httpx  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
from bench_record import cells, record  # noqa: E402
from events import HOME_PATH, beside, event_to_page  # noqa: E402
from load import Load, Request, load  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from feature_repo.core.home import Home  # noqa: E402

NO_BARS = (None, None)
STAGE_BARS = {"ranker": (2.5, None), "user_tower": (None, 2.0)}  # p50 and p99, ms
EVENT_RATES = {1: (40.0, 100.0), 100: (60.0, 150.0), 1_000: (150.0, 1_000.0)}  # per second: bars of p50 and p99, ms
HISTOGRAM_MS = (25, 50, 100, 200, 500, 1_000, 2_000, 5_000)  # upper edges


@dataclass(frozen=True)
class Figure:
    """One line of the table. Where there is a p99, `value` is the median, and `at_most` the bar of the p99."""

    part: str
    name: str
    value: float
    unit: str = ""
    p99: float | None = None
    at_most: float | None = None
    median_at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """None without a bar."""
        compared = [
            (self.value if self.p99 is None else self.p99, self.at_most),
            (self.value, self.median_at_most),
        ]
        bars = [found <= bar for found, bar in compared if bar is not None]
        return all(bars) if bars else None


@dataclass(frozen=True)
class Sizes:
    pages: int = 500
    requests: int = 2_000
    pairs: int = 5
    pair_requests: int = 200
    events: int = 200
    world: tuple[tuple[str, int], ...] = (("users", 600), ("videos", 600), ("days", 21))


QUICK = Sizes(
    pages=40, requests=100, pairs=2, pair_requests=40, events=10, world=(("users", 200), ("videos", 250), ("days", 14))
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", help="a home with a promoted release (else MARQUEE_HOME, else var/)")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--quick", action="store_true", help="few repetitions: whether it runs, not how fast")
    parser.add_argument("--record", action="store_true", help="put the table into docs/quality/ and docs/quality.md")
    arguments = parser.parse_args()
    result = bench(Home.open(arguments.home), QUICK if arguments.quick else Sizes(), Console(stderr=True).print)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.record:
        record(result)


def bench(home: Home, sizes: Sizes, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures of a home as JSON-able rows. Raises HomeError when nothing is promoted there.

    The work is done on a copy: thousands of pages that nobody saw are nothing to train on.
    """
    from models.release.store import champion

    champion(home)
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        ignored = shutil.ignore_patterns("run", "mlflow", "reports", "bentoml", "*.sock", "*.pid")
        shutil.copytree(home.root, folder, ignore=ignored, dirs_exist_ok=True)
        return _bench(Home.open(folder), champion(home).name, sizes, say)


def _bench(home: Home, release: str, sizes: Sizes, say: Callable[[str], None]) -> dict[str, Any]:
    users = _users(home)
    say(f"in process: {sizes.pages} pages")
    figures = in_process(home, users, sizes.pages)
    say("over HTTP: start the service, idle memory, load, events")
    served, freshness = over_http(home, users, sizes, say)
    figures += served
    say(f"a fresh world: {dict(sizes.world)}")
    figures += fresh_world(dict(sizes.world))
    return {
        "world": home.world().name,
        "release": release,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
        "event_to_page_ms": freshness,
    }


def in_process(home: Home, users: Sequence[str], pages: int) -> list[Figure]:
    """Milliseconds of each stage of a full-funnel home page, as the pipeline itself takes them."""
    import gc

    from bento_services.feed.build import build_feed
    from bento_services.feed.page import Query
    from feature_repo.store.reader import OnlineReader
    from feature_repo.store.valkey_server import online_store
    from models.release.artifact import load_champion

    stages: dict[str, list[float]] = {}
    whole: list[float] = []
    rungs: list[str] = []
    with online_store(home) as url:
        release, _ = load_champion(home)
        reader = OnlineReader(url, release.world)
        feed = build_feed(release, reader, None)
        try:
            for user_id in users[:20]:
                feed.page(Query(user_id=user_id, request_id="warm-up"))
            gc.collect()
            gc.freeze()  # as the service does after its warm-up
            for at in range(pages):
                started = time.perf_counter()
                page = feed.page(Query(user_id=users[at % len(users)], request_id=f"bench-{at}"))
                whole.append((time.perf_counter() - started) * 1e3)
                rungs.append(page.served_by)
                for stage, milliseconds in page.stage_ms.items():
                    stages.setdefault(stage, []).append(milliseconds)
        finally:
            gc.unfreeze()
            feed.close()
            reader.close()
    full = rungs.count("full_funnel") / len(rungs)
    return [
        *(_latency("page in process", stage, taken, STAGE_BARS.get(stage, NO_BARS)) for stage, taken in stages.items()),
        _latency("page in process", "whole page", whole, (8.0, 14.0)),
        Figure("page in process", "share not from the full funnel", 1.0 - full, at_most=0.0),
    ]


def over_http(
    home: Home, users: Sequence[str], sizes: Sizes, say: Callable[[str], None]
) -> tuple[list[Figure], dict[str, Any]]:
    from bento_services.process.supervisor import running

    requests: list[Request] = [(HOME_PATH, {"X-User-Id": user_id}) for user_id in users]
    with running(home, http_port=0, grpc_port=0) as ports, _empty_service() as empty_url:
        url = ports.http_url
        time.sleep(3.0)
        idle = _resident_mib(exclude=empty_url)
        load(url, requests[:50], 1)
        _empty_load(empty_url, 50)
        say(f"{sizes.pairs} alternating pairs of {sizes.pair_requests} requests")
        pairs = [
            (load(url, _cycled(requests, sizes.pair_requests, pair), 4), _empty_load(empty_url, sizes.pair_requests))
            for pair in range(sizes.pairs)
        ]
        say(f"{sizes.requests} requests, one at a time")
        many = load(url, _cycled(requests, sizes.requests, 0), 1)
        say(f"{sizes.events} events")
        waits, others = {}, {}
        for rate in EVENT_RATES:
            with beside(url, users[len(users) // 2 :], rate) as others[rate]:
                waits[rate] = event_to_page(url, users[: len(users) // 2], sizes.events)
        busy = _resident_mib(exclude=empty_url)
    home_rate = statistics.median(pair[0].per_second for pair in pairs)
    empty_rate = statistics.median(pair[1].per_second for pair in pairs)
    ratio = statistics.median(pair[0].per_second / pair[1].per_second for pair in pairs)
    figures = [
        _latency("home over HTTP", "one at a time", many.milliseconds, (None, 50.0)),
        _latency("home over HTTP", "four at a time", [ms for pair in pairs for ms in pair[0].milliseconds]),
        Figure("home over HTTP", "four at a time", home_rate, "requests/s"),
        Figure("home over HTTP", "share of the empty endpoint's rate", ratio),
        Figure("home over HTTP", f"errors in {sizes.requests} requests", many.errors, at_most=0),
        _latency("empty BentoML endpoint", "four at a time", [ms for pair in pairs for ms in pair[1].milliseconds]),
        Figure("empty BentoML endpoint", "four at a time", empty_rate, "requests/s"),
        *(
            _latency("event to changed page", f"sent → a page shows it, beside {rate:,} a second", waits[rate], bars)
            for rate, bars in EVENT_RATES.items()
        ),
        *(
            Figure("event to changed page", f"accepted of {rate:,} a second", accepted.per_second, "events/s")
            for rate, accepted in others.items()
            if accepted.count
        ),
        Figure("event to changed page", "slowest", max(map(max, waits.values())), "ms", at_most=2_000.0),
        *(Figure("idle resident memory", name, mib, "MiB") for name, mib in sorted(idle.items())),
        Figure("idle resident memory", "all processes", sum(idle.values()), "MiB", at_most=700),
        Figure("resident memory after the load", "all processes", sum(busy.values()), "MiB"),
    ]
    return figures, _histogram(waits[min(waits)])


def fresh_world(size: dict[str, int]) -> list[Figure]:
    """Seconds of the offline half on a world made for it."""
    from feature_repo.ingest.simulator.config import SimulatorConfig
    from feature_repo.ingest.simulator.world import simulate
    from feature_repo.jobs import materialize
    from feature_repo.jobs.build_features import build_features
    from feature_repo.lake.tables import Lake
    from feature_repo.store.valkey_server import online_store
    from training.fit.ranker import train_ranker
    from training.fit.two_tower import train_two_tower
    from training.fit.two_tower_config import TwoTowerConfig

    figures = []
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        home = Home.open(folder)

        def timed(name: str, work: Callable[[], Any], rows: int = 0) -> None:
            started = time.perf_counter()
            work()
            seconds = time.perf_counter() - started
            figures.append(Figure("offline", name, seconds, "s"))
            if rows:
                figures.append(Figure("offline", name, rows / seconds, "rows/s"))

        timed("simulate", lambda: simulate(home, SimulatorConfig(**size)))  # type: ignore[arg-type]
        lake = Lake(home)
        rows = lake.events().num_rows + lake.impressions().num_rows
        figures.append(Figure("offline", "events and impressions", rows, "rows"))
        timed("build features", lambda: build_features(home), rows)
        with online_store(home) as url:
            materialize.apply(home, url)
            timed("materialize to the online store", lambda: materialize.materialize(home, url))
        timed("train the two-tower model", lambda: train_two_tower(home, TwoTowerConfig.for_world(home.world())))
        timed("train the ranker", lambda: train_ranker(home))
    return figures


def show(result: dict[str, Any]) -> None:
    table = Table(title=f"Marquee on “{result['world']}”, release {result['release']}", title_justify="left")
    for column in ("part", "figure"):
        table.add_column(column)
    for column in ("median", "p99", "unit", "bar"):
        table.add_column(column, justify="left" if column == "unit" else "right")
    part = ""
    for figure in result["figures"]:
        if part and figure["part"] != part:
            table.add_section()
        table.add_row("" if figure["part"] == part else figure["part"], *cells(figure))
        part = figure["part"]
    console = Console()
    console.width = max(console.width, 110)
    console.print(table)
    histogram = result["event_to_page_ms"]
    widest = max(histogram.values())
    console.print("event → changed page")
    filled = [at for at, count in enumerate(histogram.values()) if count]
    for label, count in list(histogram.items())[filled[0] : filled[-1] + 1]:
        console.print(f"  {label:>10} ms {count:>5} {'█' * round(40 * count / widest)}", highlight=False)


def _latency(
    part: str, name: str, milliseconds: Sequence[float], bars: tuple[float | None, float | None] = NO_BARS
) -> Figure:
    p50, p99 = np.percentile(milliseconds, [50, 99]).tolist()
    return Figure(part, name, p50, "ms", p99, median_at_most=bars[0], at_most=bars[1])


def _histogram(milliseconds: Sequence[float]) -> dict[str, int]:
    counts, _ = np.histogram(milliseconds, bins=[0, *HISTOGRAM_MS, np.inf])
    labels = [f"≤ {edge}" for edge in HISTOGRAM_MS] + [f"> {HISTOGRAM_MS[-1]}"]
    return dict(zip(labels, counts.tolist(), strict=True))


def _users(home: Home) -> list[str]:
    """Viewers with a history, in a fixed shuffled order."""
    from feature_repo.lake.tables import Lake

    users = sorted(set(Lake(home).events().column("user_id").to_pylist()))
    return [users[at] for at in np.random.default_rng(0).permutation(len(users))]


def _cycled(requests: Sequence[Request], count: int, offset: int) -> list[Request]:
    return [requests[(offset * count + at) % len(requests)] for at in range(count)]


def _empty_load(url: str, requests: int) -> Load:
    return load(url, [("/empty", {})] * requests * 4, 4)  # four times as many: it answers many times as fast


@contextmanager
def _empty_service() -> Iterator[str]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(HERE / "empty_service.py"), str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/empty").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _resident_mib(exclude: str) -> dict[str, float]:
    """Resident MiB of every process that this one started, by what it runs; the empty service is not Marquee's."""
    port = exclude.rsplit(":", 1)[1]
    found: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            command, resident = process.cmdline(), process.memory_info().rss / 2**20
        except psutil.Error:
            continue  # it ended while we looked
        if port in command:
            continue
        module = command[command.index("-m") + 1] if "-m" in command else Path(" ".join(command).split(" ")[0]).name
        found[module] = found.get(module, 0.0) + resident
    return found


if __name__ == "__main__":
    main()
