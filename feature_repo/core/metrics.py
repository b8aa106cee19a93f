"""Metrics of several processes under one registry: each tells its own on its socket, and whoever is asked puts them
together, with the name of the process as a label.

Not prometheus_client's multiprocess mode: it keeps every number in files that are mapped into memory, and a process
that writes to one on a full disk is killed. A label also says of a counter that fell which process has started anew,
where a sum over processes would only fall.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from feature_repo.core.home import Home
from feature_repo.core.local_socket import ask, listening

QUESTION = "metrics"  # on the socket of a process
ASK_SECONDS = 1.0  # a process that hangs is left out

# Name, help, type and samples, each of them name, labels and value: as it travels.
Family = Sequence[Any]


def told(registry: Collector = REGISTRY) -> list[Family]:
    """All metrics of a registry as they are now, without the times at which they began."""
    return [
        [
            family.name,
            family.documentation,
            family.type,
            [[one.name, one.labels, one.value] for one in family.samples if not one.name.endswith("_created")],
        ]
        for family in registry.collect()
    ]


def of_others(home: Home, process: str) -> dict[str, list[Family]]:
    """The metrics of every other process of a home that answers, by its name."""
    names = [name for name in listening(home) if name != process]
    if not names:
        return {}
    with ThreadPoolExecutor(len(names)) as pool:
        answers = pool.map(lambda name: ask(home, name, QUESTION, ASK_SECONDS), names)
        return {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}


def together(processes: Mapping[str, Iterable[Family]]) -> bytes:
    """The metrics of these processes in Prometheus' text format. The label `process` is the name of the process, unless
    a sample says another one."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Together(processes))
    return bytes(generate_latest(registry))


class _Together(Collector):
    def __init__(self, processes: Mapping[str, Iterable[Family]]) -> None:
        self._processes = processes

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for process, told_families in self._processes.items():
            for name, documentation, kind, samples in told_families:
                family = families.setdefault(name, Metric(name, documentation, kind))
                for sample, labels, value in samples:
                    family.add_sample(sample, {"process": process, **labels}, value)
        yield from families.values()
