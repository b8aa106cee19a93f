"""The log of the verbs that write to a home: `HOME/run/logs/jobs.log`, in the form of every other process.

When each began and how it ended, and what libraries report meanwhile. Only in a process of its own: a program that
imports Marquee keeps its logging.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from feature_repo.core.home import Home

PROCESS = "jobs"


@dataclass
class _Job:
    verb: str
    began: float
    report: Any


_in_a_process = False
_verb = ""
_jobs: list[_Job] = []  # of this process; the one that runs stands last


def of_this_process() -> None:
    """From now on what the verbs of this process do is logged in the homes that they write to."""
    global _in_a_process
    _in_a_process = True


def named(verb: str) -> None:
    """The verb that this process is about to run."""
    global _verb
    _verb = verb


def begin(home: Home) -> None:
    """A verb is going to write to this home. Its options are not logged: they may name viewers."""
    if not _in_a_process:
        return
    import structlog

    from feature_repo.core import logs

    logs.configure(PROCESS, home)
    job = _Job(_verb, time.monotonic(), structlog.get_logger(PROCESS))
    _jobs.append(job)
    job.report.info("job began", verb=job.verb)


def end(status: int, message: str = "") -> None:
    """It ends with this status, and says why on stderr where it is not 0."""
    while _jobs:
        job = _jobs.pop()
        say = job.report.error if status else job.report.info
        error = {"error": message} if message else {}
        say("job ended", verb=job.verb, status=status, seconds=round(time.monotonic() - job.began, 3), **error)
