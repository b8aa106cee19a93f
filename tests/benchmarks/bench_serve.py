"""How many pages a service answers, how fast, and what it does when more are asked of it: one table, and JSON.

    python tests/benchmarks/bench_serve.py --home DIR [--json FILE] [--record]        (make bench-serve)

The service and its processes share one core, the load generator has another. Shares are of the rate of an empty
BentoML endpoint, measured in the same run on the same core. The work is done on a copy of the home. First every page is
made for its request; then from the viewer's base, ranked again; then the service runs as it is configured, and pages of
viewers who have not changed are cached.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]

import psutil  # noqa: E402
from bench import _empty_service, _resident_mib, _users  # noqa: E402
from bench_record import record_serve  # noqa: E402
from events import HOME_PATH  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from worlds.callers import Answered, closed_loop, open_loop, requests_of  # noqa: E402

from feature_repo.core.home import Home  # noqa: E402
from feature_repo.lake.parquet import count_rows  # noqa: E402
from feature_repo.lake.tables import Lake  # noqa: E402
from models.release.store import champion  # noqa: E402

CALLERS = (1, 4, 16, 64)
MANY = 200
CACHED_PAGES, BASE_FIRST = "MARQUEE_FEED_PAGE_CACHE_PAGES", "MARQUEE_FEED_BASE_FIRST"
SPEEDS: dict[str, dict[str, str]] = {
    "full": {CACHED_PAGES: "0"},
    "base": {CACHED_PAGES: "0", BASE_FIRST: "true"},  # made beforehand for every viewer
    "cached": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", help="a home with a promoted release (else MARQUEE_HOME, else var/)")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--record", action="store_true", help="write the table to docs/quality.md as well")
    parser.add_argument("--speeds", nargs="+", choices=SPEEDS, default=list(SPEEDS), help="which of them; all")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load; that of many callers takes thrice")
    arguments = parser.parse_args()
    home = Home.open(arguments.home)
    rows = bench(home, arguments.seconds, arguments.speeds)
    show(rows)
    if arguments.record:
        videos = count_rows(Path(Lake(home).videos_path))
        record_serve(home.world().name, videos, champion(home).name, rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


def bench(home: Home, seconds: float, speeds: Sequence[str]) -> list[dict[str, Any]]:
    """One row per load."""
    rows = []
    for speed in speeds:
        for name in (CACHED_PAGES, BASE_FIRST):
            os.environ.pop(name, None)
        os.environ.update(SPEEDS[speed])
        rows += _bench(home, speed, seconds)
    return rows


def _bench(home: Home, speed: str, seconds: float) -> list[dict[str, Any]]:
    from bento_services.precompute.bases import precompute
    from bento_services.process.supervisor import running
    from feature_repo.store.valkey_server import online_store

    every, (first, *others) = os.sched_getaffinity(0), sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        ignored = shutil.ignore_patterns("run", "mlflow", "reports", "bentoml", "*.sock", "*.pid", "address.json")
        shutil.copytree(home.root, folder, ignore=ignored, dirs_exist_ok=True)
        copy = Home.open(folder)
        requests = requests_of(HOME_PATH, _users(copy))
        os.sched_setaffinity(0, {first})
        if BASE_FIRST in SPEEDS[speed]:
            with online_store(copy) as url:
                precompute(copy, url, "all")
        started = time.perf_counter()
        with running(copy, http_port=0, grpc_port=0) as ports:
            ready = time.perf_counter() - started
            with _empty_service() as empty_url:
                os.sched_setaffinity(0, others[:1] or {first})
                idle = _resident_mib(exclude=empty_url)
                rows = _loads(ports.http_url, empty_url, requests, seconds)
        os.sched_setaffinity(0, every)
    rows.append({"load": "ready after start", "seconds": round(ready, 2)})
    rows.append({"load": "idle memory", "MiB": {name: round(mib) for name, mib in idle.items()}})
    return [{"speed": speed} | row for row in rows]


def _loads(url: str, empty_url: str, requests: list[bytes], seconds: float) -> list[dict[str, Any]]:
    say = Console(stderr=True).print
    nothing = [b"GET /empty HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
    ours, theirs = _Processes(empty_url, empty=False), _Processes(empty_url, empty=True)
    closed_loop(url, requests, 4, 2.0)
    rows, peak = [], 0.0
    for callers in CALLERS:
        say(f"{callers} callers")
        empty = theirs.during(partial(closed_loop, empty_url, nothing, callers, seconds / 2))
        rows.append(_row(f"empty endpoint, {callers} callers", empty, theirs))
        pages = ours.during(partial(closed_loop, url, requests, callers, seconds))
        rows.append(
            _row(f"{callers} callers", pages, ours) | {"of empty": round(pages.per_second / empty.per_second, 3)}
        )
        peak = max(peak, pages.per_second)
    say("60 % of the peak")
    steady = ours.during(partial(open_loop, url, requests, 0.6 * peak, seconds))
    rows.append(_row("60 % of the peak, open loop", steady, ours))
    say(f"{MANY} callers")
    many = ours.during(partial(closed_loop, url, requests, MANY, 3 * seconds))
    rows.append(_row(f"{MANY} callers", many, ours) | {"of peak": round(many.per_second / peak, 2)})
    time.sleep(2.0)
    after = ours.during(partial(closed_loop, url, requests, 4, seconds / 2))
    rows.append(_row("4 callers, after that", after, ours))
    return rows


class _Processes:
    """CPU seconds of the service's processes, or of the empty endpoint's: a busy machine hardly changes them."""

    def __init__(self, empty_url: str, empty: bool) -> None:
        port = empty_url.rsplit(":", 1)[1]
        children = psutil.Process().children(recursive=True)
        self._processes = [process for process in children if (port in process.cmdline()) == empty]
        self.seconds = 0.0

    def during(self, load: Callable[[], Answered]) -> Answered:
        before = self._total()
        answered = load()
        self.seconds = self._total() - before
        return answered

    def _total(self) -> float:
        total = 0.0
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):  # one that only started another
                taken = process.cpu_times()
                total += taken.user + taken.system
        return total


def _row(load: str, answered: Answered, processes: _Processes) -> dict[str, Any]:
    count = sum(answered.statuses.values()) or 1
    return {
        "load": load,
        "per second": round(answered.per_second, 1),
        "p50 ms": round(answered.quantile(0.5), 1),
        "p99 ms": round(answered.quantile(0.99), 1),
        "CPU ms": round(1e3 * processes.seconds / count, 2),
        "errors": answered.errors,
        "empty": answered.empty,
        "rungs": " ".join(f"{name} {number}" for name, number in answered.rungs.most_common()),
    }


def show(rows: list[dict[str, Any]]) -> None:
    loads = [row for row in rows if "errors" in row]
    columns = list(dict.fromkeys(name for row in loads for name in row))
    table = Table(*columns)
    for row in loads:
        table.add_row(*(str(row.get(name, "")) for name in columns))
    console = Console(width=None if sys.stdout.isatty() else 170)
    console.print(table)
    for row in (row for row in rows if "errors" not in row):
        console.print(*(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
