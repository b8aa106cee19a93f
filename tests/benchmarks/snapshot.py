"""What the snapshot of a large catalog costs: brought up to date against copying what is touched; and in its file.

    python tests/benchmarks/snapshot.py [--videos 200000 1000000] [--shared 200000 1000000]

Columns are those of the registry. Beside the writer's own time: extending two caches per catalog by the same rows.
`--shared`: an online store with so many videos, one process that writes the file, and others that map it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from worlds.live import NOON_US, ROOT, WORLD, valkey

from feature_repo.core.edition import Base, Edition
from feature_repo.core.growing import MappedColumn
from feature_repo.core.row_map import RowMap
from feature_repo.registry import VIDEO_FEATURES, VIEWS, default_of
from feature_repo.schema import FLOAT, GENRE_SLOTS, INT, VIDEO_VIEWS
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import Client, connect
from feature_repo.store.layout import announce, encode_row, entity_key
from feature_repo.store.packed_catalog import pieces_of
from feature_repo.store.reader import OnlineReader
from feature_repo.store.section_file import Sections, write_sections
from feature_repo.store.snapshot import VideoSnapshot, column_of
from feature_repo.store.snapshot_files import Cursor, SnapshotFiles
from feature_repo.store.snapshot_writer import SnapshotWriter
from models.per_catalog import Codes, PerCatalog

ROUNDS, CHANGED, DIM = 20, 200, 64
TICKS = 100
READERS = 2  # that map the file, beside the one that wrote it
MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="*", default=[200_000, 1_000_000])
    parser.add_argument("--shared", type=int, nargs="*", default=[200_000, 1_000_000])
    parser.add_argument("--read", nargs=2, metavar=("URL", "DIRECTORY"), help=argparse.SUPPRESS)  # in a child
    options = parser.parse_args()
    if options.read:
        read(*options.read)
        return
    if options.videos:
        print(f"{'milliseconds, median of ' + str(ROUNDS):52} {'copied':>9} {'now':>9}")
    for count in options.videos:
        measure(count)
    if options.shared:
        print(f"{'':35} {'seconds':>9} {'CPU':>9} {'own MiB':>9}")
    for count in options.shared:
        measure_shared(count)


def measure(count: int) -> None:
    whole = catalog(count)
    with tempfile.TemporaryDirectory() as directory:
        files = SnapshotFiles(Path(directory), WORLD)
        files.write(pieces_of(whole), Cursor(None, b"1-0"), lambda: None)
        filed = files.newest()
        assert filed is not None
        writer = SnapshotWriter.over(filed.catalog, WORLD, frozenset())
    ids, rows = [f"v{number:07}" for number in range(CHANGED)], [full(video_watch_count=7)] * CHANGED
    held = [writer.snapshot()]

    def counted() -> None:
        writer.count(ids, rows, ("video_activity",))
        held[0] = writer.snapshot()

    show(f"{count:>9,} videos: {CHANGED} were counted", lambda: patched(whole, ids, rows), counted)
    codes = Codes(lambda catalog, rows: catalog.columns["creator_id"][rows])
    vectors = PerCatalog(lambda catalog, rows: np.ones((len(rows), DIM), dtype=np.float32))
    codes.of(held[0])
    vectors.of(held[0])
    numbers = iter(range(10**9))

    def published() -> None:
        writer.publish([f"new {next(numbers)}"], [full(title="New")])
        held[0] = writer.snapshot()

    def followed() -> None:
        published()
        codes.of(held[0])
        vectors.of(held[0])

    show(f"{count:>9,} videos: one is new", lambda: appended(whole), published)
    show(f"{count:>9,} videos: one is new, with two caches of them", None, followed)

    def renamed() -> None:
        writer.publish([ids[0]], [full(title=f"Renamed {next(numbers)}")])
        held[0] = writer.snapshot()

    show(f"{count:>9,} videos: one has another title", None, renamed)

    def down() -> None:
        writer.settle({ids[next(numbers) % CHANGED]}, ())
        held[0] = writer.snapshot()

    show(f"{count:>9,} videos: one is taken down", None, down)
    asked = [f"v{number:07}" for number in np.random.default_rng(0).integers(0, count, 500)]
    show(f"{count:>9,} videos: the rows of 500 ids", None, lambda: held[0].row_of.many(asked))
    some = held[0].row_of.many(asked[:50])
    show(f"{count:>9,} videos: the titles of 50", None, lambda: held[0].columns["title"][some])
    print(
        f"{f'{count:>9,} videos: own MiB after {TICKS * CHANGED:,} were counted':52} {'':9} {grown(count):9.0f}",
        flush=True,
    )


def grown(count: int) -> float:
    """MiB that videos counted at random make of the columns of their counters, which are mapped until then."""
    names = list(VIEWS["video_activity"])
    with tempfile.TemporaryDirectory() as directory:
        zeros = {name: [np.zeros(count)] for name in names}
        write_sections(Path(directory), zeros, frozenset(names), {}, lambda: None)
        sections = Sections(Path(directory))
        columns = [MappedColumn(count, partial(sections.with_room, name)) for name in names]
        rng, before = np.random.default_rng(0), psutil.Process().memory_full_info().uss
        for tick in range(TICKS):
            rows = np.unique(rng.integers(0, count, CHANGED))
            for column in columns:
                column.rewrite(rows, np.full(len(rows), float(tick)))
        return float(psutil.Process().memory_full_info().uss - before) / MIB


def show(what: str, before: Callable[[], object] | None, now: Callable[[], object]) -> None:
    took = [f"{1e3 * median(one):9.3f}" if one is not None else f"{'–':>9}" for one in (before, now)]
    print(f"{what:52} {took[0]} {took[1]}", flush=True)


def median(work: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = perf_counter()
        work()
        took.append(perf_counter() - began)
    return float(np.median(took))


def patched(whole: VideoSnapshot, ids: list[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Every column of the view is copied."""
    at = whole.row_of.many(ids)
    columns = dict(whole.columns)
    for name, dtype in VIEWS["video_activity"].items():
        columns[name] = columns[name].copy()
        columns[name][at] = column_of(dtype, [row[name] for row in rows])
    return columns


def appended(whole: VideoSnapshot) -> tuple[dict[str, int], dict[str, Any]]:
    """What a copy would cost: the map of ids and every column."""
    return dict(whole.row_of._rows._added), {name: np.concatenate([c, c[:1]]) for name, c in whole.columns.items()}


def measure_shared(count: int) -> None:
    """Each process says what it took; those that read stay, so that none counts what it shares with another."""
    with tempfile.TemporaryDirectory() as directory, valkey(Path(directory) / "valkey") as url:
        client = connect(url, 60.0)
        fill(client, count)
        client.close()
        children: list[subprocess.Popen[str]] = []
        for what, place in [("reads the store, writes the file", directory), *[("maps the file", directory)] * READERS]:
            children.append(child := start(url, str(Path(place) / "snapshot")))
            assert child.stdout is not None
            seconds, cpu, own = map(float, child.stdout.readline().split())
            print(f"{count:>9,} videos: {what:33} {seconds:9.2f} {cpu:9.2f} {own:9.1f}", flush=True)
        for child in children:
            child.kill()
            child.communicate()


def start(url: str, directory: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, "--read", url, directory],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read(url: str, directory: str) -> None:
    """Until the snapshot can be asked: seconds, seconds of CPU, MiB of this process alone. Then wait to be killed."""
    process = psutil.Process()
    before, began, cpu = process.memory_full_info().uss, perf_counter(), sum(process.cpu_times()[:2])
    config = StoreConfig(bulk_timeout_seconds=60.0)
    reader = OnlineReader(url, WORLD, config, background=False, files=SnapshotFiles(Path(directory), WORLD))
    snapshot = reader.snapshot()
    assert snapshot.columns["title"][snapshot.row_of["v0000007"]] == "Video 7"
    took = perf_counter() - began, sum(process.cpu_times()[:2]) - cpu
    print(*took, (process.memory_full_info().uss - before) / MIB, flush=True)
    sys.stdin.read()


def fill(client: Client, count: int) -> None:
    """Videos with every feature; of titles, descriptions and creators there are many."""
    rest = [
        encode_row(view, {name: _value(dtype, number) for name, dtype in VIEWS[view].items()}, NOON_US)
        for number in range(1000)
        for view in VIDEO_VIEWS
    ]
    views = len(VIDEO_VIEWS)
    for start in range(0, count, 5_000):
        with client.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + 5_000, count)):
                fields: dict[bytes, bytes] = {}
                for view in rest[views * (number % 1000) : views * (number % 1000 + 1)]:
                    fields |= view
                text = {"title": f"Video {number}", "description": f"What {number} is about. " * 4}
                fields |= encode_row("video_profile", {**text, "creator_id": f"c{number % 50_000}"}, NOON_US)
                pipe.hset(entity_key("video_id", f"v{number:07}"), mapping=fields)
            pipe.execute()
    announce(client, video_ids=(f"v{number:07}" for number in range(count)))


def _value(dtype: str, number: int) -> Any:
    if dtype in (INT, FLOAT):
        return number * 1_000_003 if dtype == INT else number / 7
    return f"word {number % 50}" if dtype == "string" else [WORLD.genres[number % 3]]


def full(**said: Any) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, **said}


def catalog(count: int) -> VideoSnapshot:
    ids = column_of("", [f"v{number:07}" for number in range(count)])
    columns: dict[str, Any] = {}
    for name, dtype in VIDEO_FEATURES.items():
        if dtype in (INT, FLOAT):
            columns[name] = np.zeros(count, dtype=np.int64 if dtype == INT else np.float64)
        else:
            columns[name] = column_of(dtype, [default_of(name)] * count)
    columns["genre_names"], columns["genres"] = columns["genres"], np.zeros((count, GENRE_SLOTS), dtype=np.float32)
    columns["creator_id"][:] = [f"c{number % 50_000}" for number in range(count)]
    columns["title"][:] = [f"Video {number}" for number in range(count)]
    nobody = np.zeros(count, dtype=bool)
    return VideoSnapshot(ids, RowMap.of(ids.tolist()), columns, 0, nobody, frozenset(), Edition(Base()))


if __name__ == "__main__":
    main()
