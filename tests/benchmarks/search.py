"""How well and how fast the catalog is searched: titles as they are, with one typo, and as they are typed.

    python tests/benchmarks/search.py --videos 100000 --queries 2000 [--fts5]

Prints recall@10 per kind of query and processor time per search, and, with --fts5, the same of SQLite's trigram index.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from worlds.titled import columns, mistyped  # noqa: E402

from feature_repo.text_index.build import build  # noqa: E402
from feature_repo.text_index.search import Segment, search  # noqa: E402
from feature_repo.text_index.words import folded  # noqa: E402

Array = np.ndarray[Any, Any]
Search = Callable[[str], Array]  # rows, best first

TOP = 10
FTS5_SHARE = 0.5  # of a query's trigrams, read rarest first, as an OR


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--fts5", action="store_true")
    sent = parser.parse_args()
    catalog = columns(sent.videos)
    started = time.process_time()
    index = build(catalog, np.arange(sent.videos))
    held = sum(array.nbytes for array in index.arrays.values())
    print(
        f"{sent.videos} videos: built in {time.process_time() - started:.1f} s, {held / 1e6:.0f} MB, {index.size} words"
    )
    segments = [Segment(index, np.zeros(0, dtype=np.int64))]
    measured(catalog, lambda query: _best(search(query, segments)), sent.queries)
    if sent.fts5:
        print("SQLite FTS5, trigrams:")
        measured(catalog, _fts5(catalog), min(sent.queries, 200))


def measured(catalog: dict[str, Array], find: Search, queries: int, seed: int = 7) -> dict[str, tuple[float, float]]:
    """Kind of query -> recall@10 and the 99th percentile of processor milliseconds; printed."""
    rng = np.random.default_rng(seed)
    titles = [str(title) for title in catalog["title"]]
    rows = rng.integers(len(titles), size=queries).tolist()
    kinds: dict[str, Callable[[str], str]] = {
        "as it is": lambda title: title,
        "one typo": lambda title: mistyped(title, rng),
        "being typed": lambda title: title[: max(len(title) * 2 // 3, 3)],
        "without accents": lambda title: folded(title),
    }
    found: dict[str, tuple[float, float]] = {}
    for kind, ask in kinds.items():
        hits, times = 0, []
        for row in rows:
            query = ask(titles[row])
            started = time.thread_time()
            best = find(query)[:TOP]
            times.append((time.thread_time() - started) * 1e3)
            wanted = folded(titles[row])
            hits += any(one == row or folded(titles[one]) == wanted for one in best.tolist())
        found[kind] = hits / len(rows), float(np.percentile(times, 99))
        spread = f"p50 {np.median(times):.2f} p99 {found[kind][1]:.2f} max {max(times):.1f}"
        print(f"  {kind:16} recall@{TOP} {found[kind][0]:.4f}   ms {spread}")
    return found


def _best(hits: Any) -> Array:
    best: Array = hits.rows[np.argsort(-hits.scores, kind="stable")[:TOP]]
    return best


def _fts5(catalog: dict[str, Array]) -> Search:
    held = sqlite3.connect(":memory:")
    held.execute("CREATE VIRTUAL TABLE videos USING fts5(title, more, tokenize='trigram')")
    more = zip(catalog["title"], catalog["creator_name"], catalog["description"], strict=True)
    texts = ((row, folded(title), folded(f"{name} {text}")) for row, (title, name, text) in enumerate(more))
    held.executemany("INSERT INTO videos(rowid, title, more) VALUES (?, ?, ?)", texts)

    def find(query: str) -> Array:
        plain = folded(query).replace('"', "")
        grams = {plain[at : at + 3] for at in range(len(plain) - 2)} or {plain}
        asked = " OR ".join(f'"{gram}"' for gram in sorted(grams))
        rows = held.execute(
            "SELECT rowid FROM videos WHERE videos MATCH ? ORDER BY bm25(videos, 10, 1) LIMIT ?", (asked, TOP)
        )
        return np.array([row for (row,) in rows], dtype=np.int64)

    return find


if __name__ == "__main__":
    main()
