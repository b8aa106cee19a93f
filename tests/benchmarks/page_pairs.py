"""Is a home page slower than it was? Two checkouts make the same pages of one home, in alternating pairs.

    python tests/benchmarks/page_pairs.py --old CHECKOUT --home DIR [--new CHECKOUT] [--pairs 300]

Each checkout runs in a process of its own, over one online store; a pair is the same page made by the old and by the
new one, in turns first, so that a busy machine is busy for both. Printed is the median of the ratios new / old, with
the middle half of them. The home (with a champion) is copied, not changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Run in either checkout: modules have moved, so both places are tried.
MAKER = """
import gc, importlib, sys, time
def first(*names):
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            pass
    raise ModuleNotFoundError(names)
Home = first("feature_repo.core.home", "feature_repo.home").Home
OnlineReader = first("feature_repo.store.reader", "feature_repo.reader").OnlineReader
load_champion = first("models.release.artifact", "models.artifact").load_champion
build_feed = importlib.import_module("bento_services.feed.build").build_feed
FeedConfig = importlib.import_module("bento_services.feed.config").FeedConfig
Query = importlib.import_module("bento_services.feed.page").Query
release, _ = load_champion(Home.open(sys.argv[1]))
feed = build_feed(release, OnlineReader(sys.argv[2], release.world), None, FeedConfig(deadline_ms=60_000))
def page(user_id):
    started = time.perf_counter()
    made = feed.page(Query(user_id=user_id, request_id=user_id, log=False))
    assert made.served_by == "full_funnel", made.warnings
    return time.perf_counter() - started
for line in sys.stdin:
    if line.strip() == "freeze":
        gc.collect(); gc.freeze()  # as the service does after its warm-up
        print(0.0, flush=True)
    else:
        print(page(line.strip()), flush=True)
"""


class Checkout:
    def __init__(self, root: Path, home: Path, url: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", MAKER, str(home), url]
        self._process = subprocess.Popen(
            command, cwd=root, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, line: str) -> float:
        """Seconds that a page of this viewer took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def pairs(old: Path, new: Path, home: Path, count: int) -> list[tuple[float, float]]:
    """Seconds of each page, by the old checkout and by the new one."""
    sys.path.insert(0, str(new))
    from feature_repo.core.home import Home
    from feature_repo.lake.tables import Lake
    from feature_repo.store.valkey_server import online_store

    users = Lake(Home.open(home)).users()["user_id"].to_pylist()[:100]
    with online_store(Home.open(home)) as url:
        one, other = Checkout(old, home, url), Checkout(new, home, url)
        try:
            for line in (*users[:30], "freeze"):
                one.ask(line)
                other.ask(line)
            taken = []
            for at in range(count):
                user_id = users[at % len(users)]
                if at % 2:
                    after, before = other.ask(user_id), one.ask(user_id)
                else:
                    before, after = one.ask(user_id), other.ask(user_id)
                taken.append((before, after))
        finally:
            one.close()
            other.close()
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="the checkout to compare with")
    parser.add_argument("--new", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--home", type=Path, required=True, help="a home with a champion and an online store")
    parser.add_argument("--pairs", type=int, default=300)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="pairs-") as folder:
        home = Path(folder) / "home"
        shutil.copytree(options.home, home, ignore=shutil.ignore_patterns("run", "mlflow", "reports", "*.sock"))
        taken = pairs(options.old.resolve(), options.new.resolve(), home, options.pairs)
    ratios = sorted(after / before for before, after in taken)
    quarter = len(ratios) // 4
    print(
        json.dumps(
            {
                "pairs": len(taken),
                "old_ms": round(1e3 * statistics.median(before for before, _ in taken), 2),
                "new_ms": round(1e3 * statistics.median(after for _, after in taken), 2),
                "median_ratio": round(statistics.median(ratios), 4),
                "middle_half": [round(ratios[quarter], 4), round(ratios[-quarter - 1], 4)],
            }
        )
    )


if __name__ == "__main__":
    main()
