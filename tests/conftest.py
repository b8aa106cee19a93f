"""What every test may ask for: real data where it is present, and one small world built once by the real pipeline."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("MARQUEE_HOME", None)
os.environ.pop("REDIS_URL", None)
# A shell's background job ignores it, and so would every process that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns("run", "*.sock", "address.json")


@pytest.fixture(scope="session")
def data_set() -> Callable[[str], Path]:
    """The folder of a real data set, or a skip that says what is absent."""
    base = Path(os.environ.get("MARQUEE_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (base / name).is_dir():
            pytest.skip(f"the data set {name} is not at {base} (set MARQUEE_DATA)")
        return base / name

    return find


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home that the real pipeline filled: simulated, features built, two models trained, a release promoted.

    For tests/e2e and tests/faults alone: no unit test waits for a training (tests/worlds/untrained.py has releases for
    those). Shared by the whole run, also by its parallel workers: a test that breaks something works on a copy,
    `own_world`. MARQUEE_TEST_WORLD names one of an earlier run to begin with; steps whose code has changed run again.
    """
    from filelock import FileLock

    from feature_repo.core.home import Home
    from feature_repo.core.steps import StepContext, Steps
    from feature_repo.ingest.new_world import IngestOptions
    from feature_repo.ingest.simulator.config import SimulatorConfig
    from feature_repo.ingest.simulator.step import simulation
    from monitoring.reports.steps import PAGE, REPORT
    from training.release.run import prepare_world

    base = tmp_path_factory.getbasetemp()
    root = (base if worker_id == "master" else base.parent) / "small-world"
    with FileLock(f"{root}.lock"):
        # Of one day, whatever the day: another is another world, and at midnight its windows would end with it.
        world = SimulatorConfig(users=300, videos=400, days=14, end="2026-11-21")
        home = Home.open(root)
        earlier = os.environ.get("MARQUEE_TEST_WORLD", "")
        if earlier and not root.exists():
            shutil.copytree(earlier, root, symlinks=True, ignore=NOT_COPIED)
        simulate = simulation(world, IngestOptions(replace=True))
        prepare_world(StepContext(home), Steps(home), simulate, PAGE, REPORT)  # the second worker finds it done
    return root


@pytest.fixture
def own_world(small_world: Path, tmp_path: Path) -> Path:
    """A copy of the small world that a test may break.

    Without the address of its online store: two copies that start theirs at once would take one and the same port.
    """
    copy = tmp_path / "world"
    shutil.copytree(small_world, copy, symlinks=True, ignore=NOT_COPIED)
    return copy
