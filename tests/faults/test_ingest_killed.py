"""An ingest that is killed at any moment leaves the world that was there, or the new one, whole."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from feature_repo.catalog.bulk import export
from feature_repo.catalog.open import open_catalog
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.core.world_swap import ARRIVING, BUILDING

MARQUEE = [sys.executable, str(Path(__file__).resolve().parents[2] / "marquee.py")]
OLD = ("--users", "20", "--videos", "40", "--days", "5", "--end", "2025-06-01")
NEW = ("--users", "200", "--videos", "200", "--days", "20", "--end", "2025-06-01", "--replace")

pytestmark = pytest.mark.timeout(300)


def simulate(home: Path, *size: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*MARQUEE, "simulate", *size, "--home", str(home)], stdout=subprocess.DEVNULL)


def test_killed_at_any_moment_it_leaves_the_old_world_or_the_new_one(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert simulate(whole, *OLD).wait() == 0
    old = hashes(whole)
    new_home = tmp_path / "new"
    assert simulate(new_home, *NEW[:-1]).wait() == 0
    new = timeless(new_home)
    outcomes = set()
    for wait in ("", BUILDING, f"{BUILDING}/lake", ARRIVING, "lake"):
        home = tmp_path / f"killed-{wait.replace('/', '-')}"
        subprocess.run(["cp", "-a", str(whole), str(home)], check=True)
        process = simulate(home, *NEW)
        _until(process, home / wait if wait else None)
        process.kill()
        process.wait()
        found = hashes(Home.open(home).root)
        outcomes.add("old" if found == old else "new")
        if found != old:
            assert timeless(home) == new, wait
            assert videos(home).equals(videos(new_home))
            assert Home(home).world().world_id == Home(new_home).world().world_id
    assert "old" in outcomes


def timeless(home: Path) -> dict[str, str]:
    """Without what says when it was made: the world's clock moves on, and the catalog notes the moment."""
    return {name: content for name, content in hashes(home).items() if name not in ("world.json", "catalog.db")}


def videos(home: Path) -> pa.Table:
    with closing(open_catalog(Home(home))) as catalog:
        return export(catalog.database)[0]


def _until(process: subprocess.Popen[bytes], path: Path | None) -> None:
    """Until this path is there, or the process has ended; without one for a second."""
    deadline = time.monotonic() + (60 if path else 1)
    while process.poll() is None and time.monotonic() < deadline and not (path and path.exists()):
        time.sleep(0.0005)
