"""Metrics that only the supervisor can tell: of its children, and of the jobs that wrote to the home."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bento_services.process.child import Child
from feature_repo.core.home import Home
from feature_repo.core.job_log import last_jobs

KINDS = {"Rss": "rss", "Pss": "pss"}  # of /proc/PID/smaps_rollup


class FamilyMetrics(Collector):
    """Read when it is asked: a look at a process of 300 MB takes some milliseconds."""

    def __init__(self, home: Home, children: Callable[[], Iterable[Child]]) -> None:
        self._home = home
        self._children = children

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("marquee_process_up", "1 while the process runs.", labels=("process",))
        restarts = CounterMetricFamily(
            "marquee_process_restarts", "How often it has ended by itself, and was started again.", labels=("process",)
        )
        memory = GaugeMetricFamily(
            "marquee_process_memory_bytes",
            "Resident memory; pss counts what is shared between processes once in all.",
            labels=("process", "kind"),
        )
        for name, pid, deaths in [("supervisor", os.getpid(), 0), *self._known()]:
            up.add_metric((name,), float(bool(pid)))
            restarts.add_metric((name,), deaths)
            for kind, size in memory_of(pid).items():
                memory.add_metric((name, kind), size)
        yield from (up, restarts, memory, *self._jobs())

    def _known(self) -> list[tuple[str, int, int]]:
        return [(child.name, child.pid, child.deaths) for child in self._children()]

    def _jobs(self) -> Iterator[Metric]:
        ended = GaugeMetricFamily(
            "marquee_job_ended_timestamp_seconds", "When a verb that writes to the home last ended.", labels=("verb",)
        )
        seconds = GaugeMetricFamily("marquee_job_seconds", "How long it took then.", labels=("verb",))
        status = GaugeMetricFamily("marquee_job_status", "With which exit status: 0 is done.", labels=("verb",))
        for verb, job in last_jobs(self._home).items():
            ended.add_metric((verb,), job.ended_at)
            seconds.add_metric((verb,), job.seconds)
            status.add_metric((verb,), job.status)
        yield from (ended, seconds, status)


def memory_of(pid: int) -> dict[str, int]:
    """Bytes of resident memory by kind; empty for a process that is gone, and where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if pid else []
    except OSError:
        return {}
    sizes = (line.split(":", 1) for line in lines[1:])
    return {KINDS[name]: int(size.split()[0]) * 1024 for name, size in sizes if name in KINDS}
