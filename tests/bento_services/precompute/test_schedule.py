"""Every job at its interval, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from worlds.live import eventually

from bento_services.precompute.schedule import Job, jobs_of, work
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home


def worked(jobs: list[Job], until: Callable[[], bool]) -> list[Any]:
    """What was logged while these jobs ran until this was true."""
    stopping = threading.Event()
    with capture_logs() as logged:
        working = threading.Thread(target=work, args=(jobs, stopping))
        working.start()
        eventually(until, 60)
        stopping.set()
        working.join()
    return list(logged)


def test_a_job_is_run_at_once_and_again_at_its_interval() -> None:
    often: list[str] = []
    rarely: list[str] = []

    def run(runs: list[str]) -> Mapping[str, Any]:
        runs.append("run")
        return {"made": len(runs)}

    jobs = [Job("often", 0.01, lambda: run(often)), Job("rarely", 3600.0, lambda: run(rarely))]
    logged = worked(jobs, lambda: len(often) >= 3 and bool(rarely))
    assert len(rarely) == 1
    assert {"event": "job done", "job": "rarely", "made": 1, "log_level": "info"} in logged


@pytest.mark.parametrize("error", [HomeError("no release yet"), ValueError("a bug")])
def test_a_job_that_fails_says_so_and_is_tried_again(error: Exception) -> None:
    runs: list[int] = []

    def fail_first() -> Mapping[str, Any]:
        runs.append(1)
        if len(runs) == 1:
            raise error
        return {}

    logged = worked([Job("a", 0.01, fail_first)], lambda: len(runs) >= 2)
    assert [line["event"] for line in logged][:2] == ["job not done", "job done"]


def test_a_long_job_does_not_delay_another() -> None:
    go, runs = threading.Event(), list[int]()

    def long() -> Mapping[str, Any]:
        assert go.wait(60)
        return {}

    def short() -> Mapping[str, Any]:
        runs.append(1)
        if len(runs) == 3:
            go.set()
        return {}

    worked([Job("long", 3600.0, long), Job("short", 0.01, short)], go.is_set)
    assert len(runs) >= 3


def test_the_intervals_are_those_of_the_home(tmp_path: Path) -> None:
    (tmp_path / "marquee.toml").write_text("[precompute]\nactive_every_seconds = 60\n")
    assert [job.every_seconds for job in jobs_of(Home(tmp_path), "redis://nowhere")] == [60.0, 4 * 3600.0]
