"""What serving processes have measured of the index, put together; tests/e2e rebuilds one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bento_services import metrics
from feature_repo.core.home import Home
from feature_repo.core.local_socket import LocalSocket
from feature_repo.core.metrics import QUESTION
from training.release.index_rebuild import LIVE_RECALL, live_recall


def told(*samples: tuple[str, str, float]) -> Callable[[], Any]:
    return lambda: [
        [
            LIVE_RECALL,
            "",
            "histogram",
            [[f"{LIVE_RECALL}_{end}", {"index": kind}, value] for end, kind, value in samples],
        ],
        ["marquee_pages", "", "counter", [["marquee_pages_total", {}, 100.0]]],
    ]


def test_it_is_the_mean_over_the_searches_of_all_processes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.run.mkdir(parents=True)
    first = told(("count", "ivf_sq8", 3.0), ("sum", "ivf_sq8", 2.7), ("bucket", "ivf_sq8", 50.0))
    second = told(("count", "ivf_sq8", 1.0), ("sum", "ivf_sq8", 0.5))
    with (
        closing(LocalSocket(home, "service", {QUESTION: first})),
        closing(LocalSocket(home, "service-2", {QUESTION: second})),
    ):
        assert live_recall(home) == {"live_searches": 4, "live_recall": pytest.approx(0.8)}


def test_without_a_service_there_is_none(tmp_path: Path) -> None:
    assert live_recall(Home(tmp_path)) == {"live_searches": 0, "live_recall": None}


def test_the_metric_is_the_one_that_services_tell() -> None:
    assert metrics.RECALL._name == LIVE_RECALL
