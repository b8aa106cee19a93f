"""What it costs to bring the snapshot of a large catalog up to date, against copying what is touched, as before.

    python tests/benchmarks/snapshot.py [--videos 200000 1000000]

Columns are those of the registry. Beside the writer's own time: extending two caches per catalog by the same rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from worlds.live import WORLD

from feature_repo.core.edition import Base, Edition
from feature_repo.core.row_map import RowMap
from feature_repo.registry import VIDEO_ACTIVITY, VIDEO_FEATURES, VIEWS, default_of
from feature_repo.schema import FLOAT, GENRE_SLOTS, INT
from feature_repo.store.snapshot import VideoSnapshot, column_of
from feature_repo.store.snapshot_writer import SnapshotWriter
from models.per_catalog import Codes, PerCatalog

ROUNDS, CHANGED, DIM = 20, 200, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[200_000, 1_000_000])
    options = parser.parse_args()
    print(f"{'milliseconds, median of ' + str(ROUNDS):52} {'before':>9} {'now':>9}")
    for count in options.videos:
        measure(count)


def measure(count: int) -> None:
    whole = catalog(count)
    writer = SnapshotWriter(whole, WORLD)
    ids, rows = whole.video_ids[:CHANGED].tolist(), [full(video_watch_count=7)] * CHANGED
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
    """As before: every column of the view is copied."""
    at = whole.row_of.many(ids)
    columns = dict(whole.columns)
    for name, dtype in VIEWS["video_activity"].items():
        columns[name] = columns[name].copy()
        columns[name][at] = column_of(dtype, [row[name] for row in rows])
    return columns


def appended(whole: VideoSnapshot) -> tuple[dict[str, int], dict[str, Any]]:
    """What a copy would cost: the map of ids and every column. (Before, everything was read again.)"""
    return dict(whole.row_of._rows), {name: np.concatenate([c, c[:1]]) for name, c in whole.columns.items()}


def full(**said: Any) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, **said}


def catalog(count: int) -> VideoSnapshot:
    ids = column_of("", [f"v{number:07}" for number in range(count)])
    columns: dict[str, Any] = {}
    for name, dtype in VIDEO_FEATURES.items():
        if dtype in (INT, FLOAT):
            columns[name] = np.zeros(count, dtype=np.int64 if dtype == INT else np.float64)
        else:
            columns[name] = np.empty(count, dtype=object)
            columns[name][:] = [default_of(name)] * count if not isinstance(default_of(name), list) else None
    columns["genre_names"], columns["genres"] = columns["genres"], np.zeros((count, GENRE_SLOTS), dtype=np.float32)
    columns["creator_id"][:] = [f"c{number % 50_000}" for number in range(count)]
    assert set(VIDEO_ACTIVITY) <= set(columns)
    nobody = np.zeros(count, dtype=bool)
    return VideoSnapshot(ids, RowMap.of(ids.tolist()), columns, 0, nobody, frozenset(), Edition(Base()))


if __name__ == "__main__":
    main()
