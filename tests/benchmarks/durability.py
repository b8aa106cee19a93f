"""What it costs to acknowledge an event only when it is on the disk: pairs of one run, with and without group commit.

    python tests/benchmarks/durability.py [--directory DIR] [--json FILE]        (DIR: on the disk to measure)

Each pair appends the same number of events to one embedded store, first with `durability = "memory"`, which is what a
server with `appendfsync everysec` promises, then with "disk"; callers append one event at a time and wait for it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from feature_repo.store.append_only import APPEND_ONLY  # noqa: E402
from feature_repo.store.valkey_server import EmbeddedValkey  # noqa: E402
from feature_repo.stream.config import LogConfig  # noqa: E402
from feature_repo.stream.log.valkey import ValkeyEventLog  # noqa: E402

AT_MOST_MS = 10.0  # that "disk" may add at the median
VALUE = b'{"event_id":"%032d","user_id":"u00042","video_id":"v00007","event":"watch","timestamp_us":1760000000000000}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, help="on the disk to measure (default: /tmp's)")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--events", type=int, default=300, help="of each caller, in each half of a pair")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        rows = measure(Path(directory), options.pairs, options.events)
    for row in rows:
        halves = (
            f"{name} {row[f'{name}_ms']:.3f} ms, p99 {row[f'{name}_p99_ms']:.2f}, {row[f'{name}_per_second']:,.0f}/s"
            for name in ("memory", "disk")
        )
        print(f"{row['callers']:g} callers:", *halves, sep="\n  ")
        print(f"  added {row['added_ms']:.3f} ms (at most {AT_MOST_MS:g}); an fsync here {row['fsync_ms']:.3f} ms")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    if any(row["added_ms"] > AT_MOST_MS for row in rows):
        raise SystemExit(1)


def measure(directory: Path, pairs: int, events: int) -> list[dict[str, float]]:
    """One row per number of callers: medians over the pairs of the medians, p99s and rates of each half."""
    server = EmbeddedValkey(directory / "valkey", supervise=False)
    url = server.start()
    logs = {
        name: ValkeyEventLog(url, LogConfig(durability=name, append_seconds=10.0), server.directory / APPEND_ONLY)
        for name in ("memory", "disk")
    }
    try:
        rows = []
        for callers in (1, 4, 16):
            halves: dict[str, list[tuple[float, float, float]]] = {name: [] for name in logs}
            for _ in range(pairs):
                for name, log in logs.items():
                    halves[name].append(half(log, callers, events))
            row = {"callers": float(callers), "fsync_ms": fsync_ms(directory)}
            for name, measured in halves.items():
                for place, column in enumerate(("ms", "p99_ms", "per_second")):
                    row[f"{name}_{column}"] = statistics.median(one[place] for one in measured)
            added = zip(halves["disk"], halves["memory"], strict=True)
            row["added_ms"] = statistics.median(disk[0] - memory[0] for disk, memory in added)
            rows.append(row)
        return rows
    finally:
        for log in logs.values():
            log.close()
        server.stop()


def half(log: ValkeyEventLog, callers: int, events: int) -> tuple[float, float, float]:
    """Median and p99 of one append in milliseconds, and events per second of all callers together."""
    took: list[float] = []

    def call() -> None:
        for number in range(events):
            started = time.perf_counter()
            log.append("benchmark", [("u00042", VALUE % number)])
            took.append((time.perf_counter() - started) * 1e3)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    took.sort()
    return statistics.median(took), took[int(len(took) * 0.99)], len(took) / seconds


def fsync_ms(directory: Path) -> float:
    """The median of this disk's own fdatasync after a small append."""
    took = []
    with open(directory / "probe", "ab", buffering=0) as probe:
        for _ in range(50):
            probe.write(VALUE)
            started = time.perf_counter()
            os.fdatasync(probe.fileno())
            took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took)


if __name__ == "__main__":
    main()
