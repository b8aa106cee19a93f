"""What a page of the full funnel costs by the size of the catalog, in process, with networks that nobody trained.

    python tests/benchmarks/catalog_size.py [--videos 2000 20000 200000 1000000] [--pages 200] [--json FILE] [--record]

Titles, creators, countries and maturities are those of the simulator; every video has a vector of its content. Each
size runs in a process of its own, so that memory is its alone. Milliseconds are of the processor, so that other work on
the machine does not count; the wall clock stands beside them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from bench_record import record_catalog_size  # noqa: E402

SIZES = (2_000, 20_000, 200_000, 1_000_000)
MIB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=SIZES)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--json", type=Path, help="write the rows here as well")
    parser.add_argument("--record", action="store_true", help="write the table into docs/quality.md")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.videos[0], options.pages)))
        return
    rows, table = [], []
    for count in options.videos:
        command = [sys.executable, __file__, "--one", "--videos", str(count), "--pages", str(options.pages)]
        rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1]))
        table.append(shown(rows[-1], header=len(rows) == 1))
        print(table[-1], flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.record:
        record_catalog_size(table)


def shown(row: dict[str, Any], header: bool) -> str:
    names = list(row)
    line = "| " + " | ".join(str(row[name]) for name in names) + " |"
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n{line}" if header else line


def measure(count: int, pages: int) -> dict[str, Any]:
    from worlds.arithmetic import NOW_US, big_users
    from worlds.untrained import VIDEOS, releases, untrained_home, videos

    from bento_services.feed.build import build_feed
    from bento_services.feed.config import FeedConfig
    from bento_services.feed.page import Query
    from feature_repo.store.memory import MemoryReader
    from models.release.artifact import load_release
    from models.retrieval.cold_start import vectors_of
    from models.retrieval.index import VideoIndex

    with tempfile.TemporaryDirectory() as folder:
        home = untrained_home(Path(folder) / "home")
        release = load_release(home.releases / releases(home)[0])
        reader = MemoryReader(release.world, big_users(videos=VIDEOS), videos())
        reader._snapshot = catalog = grown(reader.snapshot(), count, release.world.genres, NOW_US)
        vectors = vectors_of(release.retrieval, catalog.video_ids, catalog.rows)
        began = time.process_time()
        VideoIndex.build(catalog.video_ids.tolist(), vectors).save(Path(folder) / "index")
        index_seconds = time.process_time() - began
        size = (Path(folder) / "index" / "videos.faiss").stat().st_size
        release = replace(release, index=VideoIndex.load(Path(folder) / "index"))
        del vectors
        gc.collect()
        before = psutil.Process().memory_info().rss
        began = time.process_time()
        feed = build_feed(release, reader, None, FeedConfig(deadline_ms=600_000), now_us=lambda: NOW_US)
        for prepare in reader._followers:  # as a reader does before requests see a catalog
            prepare(catalog)
        feed.page(Query(user_id="u001", request_id="first"))
        ready = time.process_time() - began
        users = list(reader.users_by_id)
        for at in range(20):
            feed.page(Query(user_id=users[at % len(users)], request_id=f"warm-up-{at}"))
        gc.collect()
        gc.freeze()
        processor, wall, full = [], [], 0
        for at in range(pages):
            began, began_wall = time.process_time(), time.perf_counter()
            page = feed.page(Query(user_id=users[at % len(users)], request_id=f"page-{at}"))
            processor.append(time.process_time() - began)
            wall.append(time.perf_counter() - began_wall)
            full += page.served_by == "full_funnel"
        memory = psutil.Process().memory_info()
        feed.close()
    p50, p99 = np.quantile(processor, [0.5, 0.99]) * 1e3
    return {
        "videos": count,
        "page p50, ms": round(p50, 1),
        "p99, ms": round(p99, 1),
        "wall p50, ms": round(float(np.median(wall)) * 1e3, 1),
        "from the full funnel": f"{full / pages:.0%}",
        "to the first page, s": round(ready, 1),
        "memory, MiB": round(memory.rss / MIB),
        "of it for the feed, MiB": round((memory.rss - before) / MIB),
        "index": release.index.kind,
        "its file, MB": round(size / 1e6, 1),
        "its build, s": round(index_seconds, 1),
    }


def grown(some: Any, count: int, genres: Any, now_us: int) -> Any:
    """The catalog `some`, with simulated videos up to `count`."""
    from feature_repo.compute.crosses import multi_hot
    from feature_repo.core.edition import Base, Edition
    from feature_repo.core.row_map import RowMap
    from feature_repo.ingest.simulator.catalog import make_catalog, videos_table
    from feature_repo.ingest.simulator.config import SimulatorConfig
    from feature_repo.lake.tables import DAY_US
    from feature_repo.registry import VIDEO_FEATURES, default_of
    from feature_repo.store.snapshot import VideoSnapshot

    more = count - len(some)
    rng = np.random.default_rng(0)
    simulated = make_catalog(SimulatorConfig(users=10, videos=more), rng, now_us - 35 * DAY_US, now_us - DAY_US)
    table = videos_table(simulated, rng)
    columns = {}
    for name, column in some.columns.items():
        if name == "genres":
            added: Any = multi_hot(table["genres"].to_pylist(), genres)
        else:
            stored = "genres" if name == "genre_names" else name
            added = np.empty(more, dtype=column.dtype)
            if stored in table.column_names:
                added[:] = table[stored].to_numpy(zero_copy_only=False)
            elif name in VIDEO_FEATURES:
                added[:] = [default_of(name)] * more if column.dtype == object else default_of(name)
        columns[name] = np.concatenate([column, added])
    counts = rng.zipf(1.6, more).clip(0, 100_000)
    for name in ("video_watch_count", "video_watch_count_30d"):
        columns[name][-more:] = counts
    ids = np.concatenate([some.video_ids, np.array([f"s{at:07}" for at in range(more)], dtype=object)])
    nobody = np.zeros(count, dtype=bool)
    return VideoSnapshot(ids, RowMap.of(ids.tolist()), columns, 0, nobody, frozenset(), Edition(Base()))


if __name__ == "__main__":
    main()
