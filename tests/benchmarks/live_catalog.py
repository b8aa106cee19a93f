"""How long a change of the catalog takes to reach a viewer's page: put -> in New releases, put -> found by retrieval
and by a search for its title, taken down -> gone from every row and from the search.

    python tests/benchmarks/live_catalog.py --home HOME [--puts 50] [--json FILE]

Serves the home, which needs a champion, and asks for one viewer's pages one after the other, so a figure includes the
page that shows the change. Changes are committed to the catalog, so it includes its outbox and relay.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from worlds.live_catalog import LiveCatalog, places

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from models.candidates.sources.fresh import NEW_RELEASES
from models.candidates.sources.two_tower import TWO_TOWER

PATIENCE_SECONDS = 30.0
BARS = {
    "in New releases": 5.0,
    "found by search": 5.0,
    "found by retrieval": 10.0,
    "gone after takedown": 1.0,
    "gone from search": 1.0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--puts", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    home = Home.open(options.home)
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url, timeout_seconds=30) as client:
        measured = measure(home, client, options.puts)
    print(f"{'':22} {'p50 s':>8} {'p99 s':>8} {'bar s':>6}  {options.puts} puts, {measured['page']:.3f} s a page")
    for name, bar in BARS.items():
        seconds = measured[name]
        print(f"{name:22} {np.percentile(seconds, 50):8.3f} {np.percentile(seconds, 99):8.3f} {bar:6.0f}")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


def measure(home: Home, client: Client, puts: int) -> dict[str, Any]:
    viewer, run = home.world().example_user, f"{time.time_ns():x}"
    measured: dict[str, Any] = {name: [] for name in BARS}
    pages: list[float] = []

    def seen_at(video_id: str) -> set[str]:
        began = time.monotonic()
        page = client.home(viewer, limit=100, context={"deadline_ms": 9000}, explain=True)
        pages.append(time.monotonic() - began)
        return places(page.to_json(), video_id)

    def has(video_id: str, source: str) -> bool:
        return source in seen_at(video_id)

    def is_found(video_id: str, title: str) -> bool:
        answer = client.search(title, user_id=viewer, limit=10, context={"deadline_ms": 9000})
        return video_id in {item.item_id for item in answer.items}

    def is_gone(video_id: str) -> bool:
        return not seen_at(video_id)

    def is_not_found(video_id: str, title: str) -> bool:
        return not is_found(video_id, title)

    videos = LiveCatalog(client, home.world())
    for number in range(puts):
        video_id, title = f"new-{run}-{number}", f"Brand new {number} {run}"
        began = time.monotonic()
        videos.put(video_id, creator_id=f"creator {number}", title=title)
        coming: dict[str, Callable[[], bool]] = {
            "found by search": partial(is_found, video_id, title),
            "in New releases": partial(has, video_id, NEW_RELEASES),
            "found by retrieval": partial(has, video_id, TWO_TOWER),
        }
        seconds = _when(began, coming)
        began = time.monotonic()
        videos.take_down(video_id)
        going: dict[str, Callable[[], bool]] = {
            "gone after takedown": partial(is_gone, video_id),
            "gone from search": partial(is_not_found, video_id, title),
        }
        for name, taken in {**seconds, **_when(began, going)}.items():
            measured[name].append(taken)
    return {**measured, "page": float(np.median(pages))}


def _when(began: float, checks: dict[str, Callable[[], bool]]) -> dict[str, float]:
    """Seconds from `began` until each check was first true, asked in turn."""
    seconds: dict[str, float] = {}
    while left := [name for name in checks if name not in seconds]:
        for name in left:
            if checks[name]():
                seconds[name] = time.monotonic() - began
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise SystemExit(f"{', '.join(left)}: not after {PATIENCE_SECONDS:.0f} s")
    return seconds


if __name__ == "__main__":
    main()
