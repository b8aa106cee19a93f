"""Going back to the release before, while viewers ask for pages: seconds from the command to the first page of it.

`make test-slow ARGS="-s tests/faults/test_rollback_live.py"` does it ten times and prints the median.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from worlds.live import eventually
from worlds.steady_load import Answers, steady_load
from worlds.untrained import releases, untrained_home

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from models.release.answerable import ANSWERED
from models.release.history import ROLLED_BACK, read_history
from models.release.store import make_champion, pointers

ROOT = Path(__file__).resolve().parents[2]
PAGES, EVENTS = 10.0, 1.0  # per second
PATIENCE_SECONDS = 60.0
MOST_SECONDS = 2.0  # the median of ten, on a machine that does nothing else


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The second release is the champion, the first the previous one."""
    home = untrained_home(tmp_path / "home")
    make_champion(home, releases(home)[1])
    return home


@pytest.fixture
def served(home: Home) -> Iterator[tuple[Client, Answers]]:
    viewers = [f"u{number:03}" for number in range(1, 30)]
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url, timeout_seconds=30) as client:
        eventually(lambda: pointers(home)["previous"] in _answered(home), PATIENCE_SECONDS)  # it is kept warm
        with steady_load(ports.http_url, viewers, PAGES, EVENTS) as answers:
            yield client, answers


def _answered(home: Home) -> list[str]:
    file = home.releases / ANSWERED
    return list(json.loads(file.read_text())) if file.exists() else []


def rolled_back_seconds(home: Home, client: Client) -> float:
    """From the start of the command to the first page of the release before."""
    wanted, began = pointers(home)["previous"], time.monotonic()
    command = [sys.executable, "marquee.py", "promote", "--rollback", "--home", str(home.root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        eventually(lambda: client.home("u001").release_id == wanted, PATIENCE_SECONDS)
        took = time.monotonic() - began
        said, _ = child.communicate(timeout=3 * PATIENCE_SECONDS)  # it tells MLflow, which nobody waits for
    assert (child.returncode, said.split()[:2]) == (0, ["champion", wanted])
    assert client.status().release_id == wanted
    return took


@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_rollback_is_on_the_page_at_once_and_costs_nobody_a_page(
    home: Home, served: tuple[Client, Answers], times: int
) -> None:
    client, answers = served
    took = [rolled_back_seconds(home, client) for _ in range(times)]
    print(json.dumps({"seconds": [round(one, 2) for one in took], "median": round(median(took), 2)}))
    print(f"pages {dict(answers.pages)}, events {dict(answers.events)}")
    assert [entry.outcome for entry in read_history(home)] == [ROLLED_BACK] * times
    assert sum(answers.pages.values()) > 0
    assert not answers.errors
    assert times < 10 or median(took) <= MOST_SECONDS
