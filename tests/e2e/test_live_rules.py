"""A rule that is added while several workers serve a trained world holds in each of them, and on kept pages."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home

SECONDS = 5.0
PAGES = 12  # new connections: the workers take them in turn, near enough


def rules(home: Home, *arguments: str) -> None:
    command = [sys.executable, "-m", "marquee", "rules", *arguments, "--home", str(home.root)]
    subprocess.run(command, check=True, capture_output=True)


def pages(url: str, viewer: str) -> list[dict[str, Any]]:
    found = []
    for _ in range(PAGES):
        with Client(url, timeout_seconds=30) as client:
            found.append(client.home(viewer, limit=20, context={"deadline_ms": 9000}).to_json())
    return found


def ids(page: dict[str, Any]) -> set[str]:
    return {item["video_id"] for row in page["rows"] for item in row["items"]}


def test_a_rule_holds_in_every_worker_within_five_seconds(own_world: Path) -> None:
    home = Home.open(own_world)
    viewer = home.world().example_user
    with running(home, http_port=0, grpc_port=0, workers=2) as ports:
        before = pages(ports.http_url, viewer)
        blocked = before[-1]["recommendations"][0]["video_id"]
        assert all(blocked in ids(page) for page in before)
        rules(home, "add", "strike", "block", f"video_ids={blocked}")
        time.sleep(SECONDS)
        assert not any(blocked in ids(page) for page in pages(ports.http_url, viewer))
        rules(home, "remove", "strike")
        time.sleep(SECONDS)
        assert all(blocked in ids(page) for page in pages(ports.http_url, viewer))
