"""Jobs that have a clock: each is run again and again, on a thread of its own, so that a long one delays no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bento_services.precompute.autopilot import autopilot
from bento_services.precompute.bases import precompute
from bento_services.precompute.index import rebuild_index
from bento_services.settings import AUTOPILOT, PRECOMPUTE
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.settings import read

report = structlog.get_logger("work")
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Job:
    name: str
    every_seconds: float  # from one beginning to the next
    run: Callable[[], Mapping[str, Any]]
    hour: int | None = None  # of the day, by the local clock, at which it begins; None: at once, then at its interval

    def __str__(self) -> str:
        when = f"every {self.every_seconds:g} s" if self.hour is None else f"daily at {self.hour}:00"
        return f"{when}  {self.name}"


def jobs_of(home: Home, url: str) -> tuple[Job, ...]:
    """A new job is one line here."""
    config = read(PRECOMPUTE, home.root)
    piloted = read(AUTOPILOT, home.root).every_seconds
    hourly = (Job("autopilot", piloted, partial(autopilot, home)),)
    nightly = (Job("index rebuild", DAY_SECONDS, partial(rebuild_index, home, url), config.index_hour),)
    return (
        Job("bases of active viewers", config.active_every_seconds, partial(precompute, home, url, "active")),
        Job("bases of all viewers", config.all_every_seconds, partial(precompute, home, url, "all")),
        *(hourly if piloted else ()),
        *(nightly if config.rebuild_index else ()),
    )


def work(jobs: Sequence[Job], stopping: threading.Event) -> None:
    """Run every job at its time, until `stopping` is set; a job that has begun is finished."""
    threads = [threading.Thread(target=_repeat, args=(job, stopping), name=job.name) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def seconds_until(hour: int, now: datetime) -> float:
    """Until this hour of the day strikes next."""
    due = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (due - now + timedelta(days=due <= now)).total_seconds()


def _repeat(job: Job, stopping: threading.Event) -> None:
    began: float | None = None
    while not stopping.wait(_pause(job, began)):
        began = time.monotonic()
        try:
            report.info("job done", job=job.name, **job.run())
        except MarqueeError as error:  # no release yet, the store is down, another process is at it: the next run tries
            report.warning("job not done", job=job.name, why=str(error))
        except Exception as error:
            report.error("job not done", job=job.name, error=repr(error), exc_info=error)


def _pause(job: Job, began: float | None) -> float:
    """Seconds until it is to begin. `began`: when it did last, in monotonic seconds."""
    if job.hour is not None:
        return seconds_until(job.hour, datetime.now())
    return 0.0 if began is None else max(began + job.every_seconds - time.monotonic(), 0.0)
