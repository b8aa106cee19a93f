"""The log of the verbs that write to a home: `HOME/run/logs/jobs.log`, in the form of every other process.

When each began and how it ended, and what libraries report meanwhile. How each verb ended last is also kept in
`HOME/run/jobs/VERB.json`, for the metrics. Only in a process of its own: a program that imports Marquee keeps its
logging.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from feature_repo.core.home import Home

PROCESS = "jobs"
DIRECTORY = "jobs"  # in HOME/run


@dataclass(frozen=True)
class LastJob:
    ended_at: float  # seconds since 1970
    seconds: float
    status: int  # exit status


@dataclass
class _Job:
    home: Home
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
    job = _Job(home, _verb, time.monotonic(), structlog.get_logger(PROCESS))
    _jobs.append(job)
    job.report.info("job began", verb=job.verb)


def end(status: int, message: str = "") -> None:
    """It ends with this status, and says why on stderr where it is not 0."""
    while _jobs:
        job = _jobs.pop()
        say = job.report.error if status else job.report.info
        error = {"error": message} if message else {}
        seconds = round(time.monotonic() - job.began, 3)
        say("job ended", verb=job.verb, status=status, seconds=seconds, **error)
        _keep(job.home, job.verb, LastJob(time.time(), seconds, status))


def last_jobs(home: Home) -> dict[str, LastJob]:
    """How each verb that has written to this home ended last, by its name."""
    found = {}
    for path in sorted((home.run / DIRECTORY).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):  # one that is damaged is written anew at the next end
            found[path.stem] = LastJob(**json.loads(path.read_text()))
    return found


def _keep(home: Home, verb: str, job: LastJob) -> None:
    from feature_repo.core.files import write_atomic

    with suppress(OSError):  # a full disk, of which the verb has spoken
        write_atomic(home.run / DIRECTORY / f"{verb or 'other'}.json", json.dumps(asdict(job)) + "\n")
