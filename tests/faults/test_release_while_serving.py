"""A release is made beside a service that is used all the time: 20 pages and 50 events a second, and no pause.

`RELEASE_RUNS=10 make test-slow ARGS="-s tests/faults/test_release_while_serving.py"` makes ten and prints the table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds.steady_load import Answers, steady_load

from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from feature_repo.lake.tables import Lake

ROOT = Path(__file__).resolve().parents[2]
PAGES, EVENTS = 20.0, 50.0  # per second
RUNS = int(os.environ.get("RELEASE_RUNS", "1"))
WARM_SECONDS = 5.0  # of load before the first release, so that the log is never quiet


@pytest.fixture
def home(small_world: Path, tmp_path: Path) -> Home:
    copy = tmp_path / "world"
    shutil.copytree(small_world, copy, symlinks=True, ignore=shutil.ignore_patterns("run", "*.sock", "address.json"))
    return Home.open(copy)


@pytest.fixture
def served(home: Home) -> Iterator[Answers]:
    viewers = sorted(Lake(home).users()["user_id"].to_pylist())
    with running(home, http_port=0, grpc_port=0) as ports, steady_load(ports.http_url, viewers, PAGES, EVENTS) as found:
        time.sleep(WARM_SECONDS)
        yield found


def marquee(home: Home, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "marquee.py", *arguments, "--home", str(home.root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(60 + 900 * RUNS)
def test_every_release_beside_a_steady_load_is_made(home: Home, served: Answers) -> None:
    table: list[dict[str, Any]] = []
    for run in range(1, RUNS + 1):
        began, before = time.monotonic(), len(cut_of(home).events())
        code, out, said = marquee(home, "release", "--json", "--force")
        made = json.loads(out) if out.strip() else {}
        table.append(
            {
                "run": run,
                "status": code,
                "seconds": round(time.monotonic() - began, 1),
                "steps": len(made.get("ran", [])),
                "promoted": made.get("promoted"),
                "gates failed": ", ".join(made.get("failed", [])),
                "new events": len(cut_of(home).events()) - before,
                "said": said.strip().splitlines()[-1:] if code else "",
            }
        )
        print(json.dumps(table[-1]), flush=True)
    print(f"pages {dict(served.pages)}, events {dict(served.events)}")
    assert [row["status"] for row in table] == [0] * RUNS
    assert all(row["new events"] > 0 for row in table)
    assert not served.errors


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_job_beside_a_steady_load_is_done_and_sees_one_cut(home: Home, served: Answers) -> None:
    before: dict[Path, int] = {}
    for verb in (["features"], ["train", "ranker"], ["evaluate"], ["promote", "--force"], ["report"]):
        code, _, said = marquee(home, *verb)
        assert code == 0, (verb, said)
        seen = {file.relative_to(home.cut): pq.read_metadata(file).num_rows for file in home.cut.rglob("*.parquet")}
        assert before in ({}, seen), verb
        before = seen
    assert sum(file.stat().st_size for file in home.lake.rglob("live-*.parquet")) > 0
    assert not served.errors
