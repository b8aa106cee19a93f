"""How long a change of the catalog takes to reach a viewer's page: put -> in New releases, put -> found by retrieval,
taken down -> gone from every row.

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
BARS = {"in New releases": 5.0, "found by retrieval": 10.0, "gone after takedown": 1.0}


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

    def on_page(video_id: str, source: str) -> bool:
        return source in seen_at(video_id)

    videos = LiveCatalog(client, home.world())
    for number in range(puts):
        video_id, began = f"new-{run}-{number}", time.monotonic()
        videos.put(video_id, creator_id=f"creator {number}", title=f"Brand new {number} {run}")
        for name, source in (("in New releases", NEW_RELEASES), ("found by retrieval", TWO_TOWER)):
            measured[name].append(until(partial(on_page, video_id, source), began, f"{video_id}: {name}"))
        began = time.monotonic()
        videos.take_down(video_id)
        while seen_at(video_id):
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise SystemExit(f"{video_id}: still on the page after {PATIENCE_SECONDS:.0f} s")
        measured["gone after takedown"].append(time.monotonic() - began)
    return {**measured, "page": float(np.median(pages))}


def until(check: Callable[[], bool], began: float, what: str) -> float:
    while not check():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise SystemExit(f"{what}: not after {PATIENCE_SECONDS:.0f} s")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
