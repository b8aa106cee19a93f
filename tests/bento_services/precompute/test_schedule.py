"""Every job at its interval, whatever becomes of the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from worlds.live import eventually

from bento_services.precompute import schedule
from bento_services.precompute.schedule import Job, jobs_of, seconds_until, work
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
    (tmp_path / "marquee.toml").write_text("[precompute]\nactive_every_seconds = 60\nindex_hour = 23\n")
    assert [str(job) for job in jobs_of(Home(tmp_path), "redis://nowhere")] == [
        "every 60 s  bases of active viewers",
        "every 14400 s  bases of all viewers",
        "every 3600 s  autopilot",
        "daily at 23:00  index rebuild",
    ]


def test_the_index_is_not_rebuilt_and_no_cohort_judged_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = "[precompute]\nrebuild_index = false\n[autopilot]\nevery_seconds = 0\n"
    (tmp_path / "marquee.toml").write_text(settings)
    assert [job.name.split()[0] for job in jobs_of(Home(tmp_path), "redis://nowhere")] == ["bases", "bases"]


@pytest.mark.parametrize(
    ("now", "hours"), [((2, 0), 1.0), ((3, 0), 24.0), ((2, 59), 1 / 60), ((3, 1), 24 - 1 / 60), ((23, 0), 4.0)]
)
def test_an_hour_is_awaited_until_it_strikes_next(now: tuple[int, int], hours: float) -> None:
    assert seconds_until(3, datetime(2026, 12, 31, *now)) == pytest.approx(hours * 3600)


def test_a_daily_job_begins_at_its_hour_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, runs = iter([0.2, 3600.0]), list[float]()
    monkeypatch.setattr(schedule, "seconds_until", lambda hour, now: next(waits) if hour == 3 else 0.0)
    started = time.monotonic()

    def run() -> Mapping[str, Any]:
        runs.append(time.monotonic() - started)
        return {}

    worked([Job("nightly", 0.0, run, hour=3)], lambda: bool(runs) and next(waits, None) is None)
    assert len(runs) == 1
    assert runs[0] >= 0.2


def test_a_daily_job_that_has_not_begun_holds_nobody_up() -> None:
    stopping = threading.Event()
    stopping.set()
    work([Job("nightly", 86_400.0, lambda: pytest.fail("it ran"), hour=datetime.now().hour)], stopping)
