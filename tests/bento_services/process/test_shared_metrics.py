"""One look at /metrics of any worker shows what all processes count, and it is what callers sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from worlds.live import eventually

from bento_services.client import Client
from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from bento_services.rpc.generated import marquee_pb2 as messages
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from feature_repo.core.home import Home
from monitoring.metrics_list import ONE, every_metric, values

PAGE = "/api/v1/recommendations/home"
PAGES, CALLS, EVENTS = 40, 12, 7


@pytest.fixture(scope="module")
def ports(own_home: Home) -> Iterator[Ports]:
    with running(own_home, 0, 0, workers=2) as ports:
        yield ports


class Shown:
    """/metrics as it is now."""

    def __init__(self, ports: Ports) -> None:
        self.text = httpx.get(ports.http_url + "/metrics", timeout=20).text
        self.samples = [sample for family in text_string_to_metric_families(self.text) for sample in family.samples]

    def by_process(self, name: str, **labels: str) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                found[sample.labels["process"]] += sample.value
        return dict(found)


def test_the_sum_over_workers_is_what_callers_sent(ports: Ports) -> None:
    sent: Counter[str] = Counter()
    for number in range(PAGES):
        sent["pages"] += httpx.get(ports.http_url + PAGE, headers={"x-user-id": f"u{number:03d}"}).status_code == 200
    for _ in range(CALLS):
        own_connection = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"{ports.host}:{ports.grpc_port}", options=own_connection) as channel:
            MarqueeStub(channel).GetHome(messages.GetHomeRequest(user_id="u001"))
        sent["calls"] += 1
    with Client(ports.http_url) as client:
        for number in range(EVENTS):
            client.send({"event_id": f"m-{number}", "user_id": "u-m", "item_id": "v00001", "event": "like"})
        client.wait_until_visible(f"m-{EVENTS - 1}", seconds=30)
    assert sent == {"pages": PAGES, "calls": CALLS}

    shown = Shown(ports)
    over_http = shown.by_process("marquee_requests_total", protocol="http", route=PAGE, status="200")
    over_grpc = shown.by_process("marquee_requests_total", protocol="grpc", route="GetHome", status="OK")
    assert sum(over_http.values()) == PAGES
    assert set(over_http) == {"service", "service-2"}, "each had some"
    assert sum(over_grpc.values()) == CALLS
    assert sum(shown.by_process("marquee_pages_total").values()) == PAGES + CALLS
    assert sum(shown.by_process("marquee_page_seconds_count").values()) == PAGES + CALLS
    assert sum(shown.by_process("marquee_events_accepted_total", event="like").values()) == EVENTS
    handled = shown.by_process("marquee_stream_records_total", group="feature-processor", result="handled")
    assert handled == {"processor": EVENTS}


def test_every_process_is_there_with_its_memory(ports: Ports) -> None:
    shown = Shown(ports)
    children = {"supervisor", "forkserver", "processor", "service", "service-2"}
    assert shown.by_process("marquee_process_up") == dict.fromkeys(children, 1)
    assert shown.by_process("marquee_process_restarts_total") == dict.fromkeys(children, 0)
    resident = shown.by_process("marquee_process_memory_bytes", kind="rss")
    assert resident.keys() == children
    assert min(resident.values()) > 10e6
    assert set(shown.by_process("marquee_snapshot_age_seconds")) == {"service", "service-2"}
    assert set(shown.by_process("marquee_stream_lag", group="feature-processor")) == {"processor"}
    assert eventually(lambda: Shown(ports).by_process("marquee_store_memory_bytes"))


def test_no_label_has_a_value_that_is_not_declared(ports: Ports) -> None:
    with httpx.Client(base_url=ports.http_url) as client:
        for path in ("/nothing/attic-7391", PAGE + "?limit=x", "/api/v1/videos/none", "/api/v1/status", "/readyz"):
            client.get(path)
        client.post("/api/v1/events", json={"event": "no such"})
        client.request("BREW", "/coffee")
    known = {metric.name for metric in every_metric()}
    ours = [sample for sample in Shown(ports).samples if sample.name.startswith("marquee_")]
    assert len(ours) > 200
    for sample in ours:
        assert any(sample.name.startswith(name) for name in known), sample.name
        for label, value in sample.labels.items():
            value = value.partition("-")[0] if label == "process" else value
            assert label == "le" or values()[label] == ONE or value in values()[label], sample
