"""Metrics of several processes under one registry."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from feature_repo.core.home import Home
from feature_repo.core.local_socket import LocalSocket
from feature_repo.core.metrics import of_others, together, told


def registry(pages: float) -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("pages", "Pages.", ("rung",), registry=made).labels("full").inc(pages)
    Gauge("up", "Whether it runs.", ("process",), registry=made).labels("store").set(1)
    Histogram("seconds", "Time.", buckets=(1.0,), registry=made).observe(pages)
    return made


def lines(shown: bytes) -> list[str]:
    return shown.decode().splitlines()


def test_each_family_is_described_once_and_each_sample_says_whose_it_is() -> None:
    shown = lines(together({"service": told(registry(2)), "service-2": told(registry(0.5))}))
    assert shown.count("# HELP pages_total Pages.") == shown.count("# TYPE seconds histogram") == 1
    assert 'pages_total{process="service",rung="full"} 2.0' in shown
    assert 'pages_total{process="service-2",rung="full"} 0.5' in shown
    assert 'seconds_bucket{le="1.0",process="service"} 0.0' in shown
    assert 'seconds_bucket{le="1.0",process="service-2"} 1.0' in shown
    assert not [line for line in shown if "_created" in line]
    assert 'up{process="store"} 1.0' in shown  # one process speaks of another


def test_the_others_of_a_home_are_asked_and_one_that_does_not_answer_is_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert of_others(home, "service") == {}
    sockets = [
        LocalSocket(home, "service", {"metrics": lambda: 1 / 0}),
        LocalSocket(home, "processor", {"metrics": lambda: told(registry(3))}),
        LocalSocket(home, "mute", {}),
    ]
    found = of_others(home, "service")
    assert list(found) == ["processor"]
    assert 'pages_total{process="processor",rung="full"} 3.0' in lines(together(found))
    for socket in sockets:
        socket.close()
