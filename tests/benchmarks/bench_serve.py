"""How many pages a service answers, how fast, and what it does when more are asked of it: one table, and JSON.

    python tests/benchmarks/bench_serve.py --home DIR [--json FILE]        (make bench-serve)

The service and its processes share one core, the load generator has another. Shares are of the rate of an empty
BentoML endpoint, measured in the same run on the same core. The work is done on a copy of the home.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from bench import HOME_PATH, _empty_service, _resident_mib, _users  # noqa: E402
from callers import Answered, closed_loop, open_loop, requests_of  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from feature_repo.core.home import Home  # noqa: E402

CALLERS = (1, 4, 16, 64)
MANY = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", help="a home with a promoted release (else MARQUEE_HOME, else var/)")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load; that of many callers takes thrice")
    arguments = parser.parse_args()
    rows = bench(Home.open(arguments.home), arguments.seconds)
    show(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


def bench(home: Home, seconds: float) -> list[dict[str, Any]]:
    """One row per load."""
    from bento_services.process.supervisor import running

    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        ignored = shutil.ignore_patterns("run", "mlflow", "reports", "bentoml", "*.sock", "*.pid", "address.json")
        shutil.copytree(home.root, folder, ignore=ignored, dirs_exist_ok=True)
        copy = Home.open(folder)
        requests = requests_of(HOME_PATH, _users(copy))
        os.sched_setaffinity(0, cores[:1])
        started = time.perf_counter()
        with running(copy, http_port=0, grpc_port=0) as ports:
            ready = time.perf_counter() - started
            with _empty_service() as empty_url:
                os.sched_setaffinity(0, cores[1:2] or cores)
                idle = _resident_mib(exclude=empty_url)
                rows = _loads(ports.http_url, empty_url, requests, seconds)
    rows.append({"load": "ready after start", "seconds": round(ready, 2)})
    rows.append({"load": "idle memory", "mib": {name: round(mib) for name, mib in idle.items()}})
    return rows


def _loads(url: str, empty_url: str, requests: list[bytes], seconds: float) -> list[dict[str, Any]]:
    say = Console(stderr=True).print
    nothing = [b"GET /empty HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
    closed_loop(url, requests, 4, 2.0)
    rows, peak = [], 0.0
    for callers in CALLERS:
        say(f"{callers} callers")
        empty = closed_loop(empty_url, nothing, callers, seconds / 2)
        pages = closed_loop(url, requests, callers, seconds)
        peak = max(peak, pages.per_second)
        rows.append(
            _row(f"{callers} callers", pages) | {"share of empty": round(pages.per_second / empty.per_second, 3)}
        )
        rows.append(_row(f"{callers} callers, empty endpoint", empty))
    say("60 % of the peak")
    rows.append(_row("60 % of the peak, open loop", open_loop(url, requests, 0.6 * peak, seconds)))
    say(f"{MANY} callers")
    many = closed_loop(url, requests, MANY, 3 * seconds)
    rows.append(_row(f"{MANY} callers", many) | {"goodput / peak": round(many.per_second / peak, 2)})
    time.sleep(2.0)
    rows.append(_row("4 callers, after it", closed_loop(url, requests, 4, seconds / 2)))
    return rows


def _row(load: str, answered: Answered) -> dict[str, Any]:
    return {
        "load": load,
        "per second": round(answered.per_second, 1),
        "p50 ms": round(answered.quantile(0.5), 1),
        "p99 ms": round(answered.quantile(0.99), 1),
        "errors": answered.errors,
        "rungs": dict(answered.rungs),
    }


def show(rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in columns))
    Console().print(table)


if __name__ == "__main__":
    main()
