"""Limits of use: per key and class, shared by workers, the class that matters least first, and never health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import httpx
import pytest
from prometheus_client import REGISTRY
from worlds.by_hand import Made
from worlds.http_api import HOME, client_of, error_of
from worlds.live import valkey

from bento_services.admission.admit import Admission
from bento_services.admission.callers import ANYBODY_HERE, Caller
from bento_services.admission.endpoints import (
    CATALOG,
    EVENTS,
    HEALTH,
    HOME_PAGES,
    LIVENESS,
    OPERATIONS,
    PAGES,
    PUBLIC,
    EndpointClass,
)
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.admission.problem import Problem
from bento_services.admission.rates import RateConfig, Rates
from bento_services.http.app import create_app
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import GrpcServer
from feature_repo.core.home import Home
from feature_repo.store.buckets import MemoryBuckets, ValkeyBuckets
from feature_repo.store.connect import connect

messages: Any = marquee_pb2
WEB, TV = (Caller(name, frozenset({"serve"}), key_id=f"k{name}") for name in ("web", "tv"))
FEW = RateConfig(home_per_second=10, home_burst=20, service_per_second=0)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def admitted(rates: Rates, caller: Caller, endpoint: EndpointClass, times: int) -> int:
    """How many of so many requests were."""
    count = 0
    for _ in range(times):
        try:
            await rates.admit(caller, endpoint)
            count += 1
        except Problem as problem:
            if problem.code != "rate_limited":
                raise
    return count


async def test_a_key_may_send_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    rates = Rates(FEW, MemoryBuckets(clock), clock)
    assert await admitted(rates, WEB, HOME_PAGES, 100) == 20
    clock.now += 1.0
    assert await admitted(rates, WEB, HOME_PAGES, 100) == 10
    assert await admitted(rates, TV, HOME_PAGES, 100) == 20  # another key has a bucket of its own
    assert await admitted(rates, WEB, EVENTS, 100) == 100  # and so has another class
    rates.close()


async def test_devices_under_one_key_do_not_take_tokens_from_each_other() -> None:
    clock = Clock()
    rates = Rates(FEW, MemoryBuckets(clock), clock)
    first, second = (replace(WEB, viewers="token", viewer_id=viewer) for viewer in ("u1", "u2"))
    assert await admitted(rates, first, HOME_PAGES, 100) == 20
    assert await admitted(rates, second, HOME_PAGES, 100) == 20
    assert not any("u1" in name for name in rates._buckets)
    rates.close()


async def test_workers_share_a_limit_and_each_keeps_it_while_the_store_is_away() -> None:
    clock = Clock()
    store = MemoryBuckets(clock)
    workers = [Rates(FEW, store, clock) for _ in range(4)]
    assert sum([await admitted(worker, WEB, HOME_PAGES, 30) for worker in workers]) == 20
    store.down = True
    clock.now += 100
    assert [await admitted(worker, TV, HOME_PAGES, 30) for worker in workers] == [20] * 4
    store.down = False
    clock.now += 100
    assert sum([await admitted(worker, TV, HOME_PAGES, 30) for worker in workers]) == 20
    for worker in workers:
        worker.close()


async def test_workers_share_a_limit_in_the_online_store(tmp_path: Path) -> None:
    with valkey(tmp_path / "valkey") as url:
        clients = [connect(url, 30.0) for _ in range(4)]
        workers = [Rates(replace(FEW, home_per_second=0.001), ValkeyBuckets(client)) for client in clients]
        assert [await admitted(worker, WEB, HOME_PAGES, 1) for worker in workers] == [1] * 4
        assert sum(await asyncio.gather(*(admitted(worker, WEB, HOME_PAGES, 50) for worker in workers))) == 16
        for worker, client in zip(workers, clients, strict=True):
            worker.close()
            client.close()


async def test_in_a_spike_the_class_that_matters_least_is_limited_first() -> None:
    clock = Clock()
    rates = Rates(RateConfig(service_per_second=100, service_burst=1_000), MemoryBuckets(clock), clock)
    assert await admitted(rates, WEB, CATALOG, 1_000) == 500
    assert await admitted(rates, WEB, PAGES, 1_000) == 200
    assert await admitted(rates, WEB, CATALOG, 10) == 0
    assert await admitted(rates, WEB, EVENTS, 1_000) == 200
    assert await admitted(rates, WEB, HOME_PAGES, 1_000) == 100
    clock.now += 1.0  # 100 tokens: only for who may take the last ones
    assert await admitted(rates, WEB, CATALOG, 10) == await admitted(rates, WEB, PAGES, 10) == 0
    assert await admitted(rates, WEB, HOME_PAGES, 1_000) == 100
    rates.close()


async def test_a_refusal_says_whose_limit_when_to_come_back_and_what_is_left() -> None:
    clock = Clock()
    rates = Rates(RateConfig(home_per_second=0.5, home_burst=2, service_per_second=0), MemoryBuckets(clock), clock)
    headers = await rates.admit(WEB, HOME_PAGES)
    assert headers == {"ratelimit-limit": "2", "ratelimit-remaining": "1", "ratelimit-reset": "2"}
    await rates.admit(WEB, HOME_PAGES)
    with pytest.raises(Problem) as refusal:
        await rates.admit(WEB, HOME_PAGES)
    problem = refusal.value
    assert problem.details == {"limit": "key", "class": "home", "per_second": 0.5, "burst": 2}
    assert (problem.retry_after_seconds, problem.more_headers["ratelimit-remaining"]) == (2, "0")
    rates.close()


async def test_nobody_is_limited_without_a_key_nor_by_health_and_metrics() -> None:
    tight = replace(RateConfig(home_per_second=1, home_burst=1), service_per_second=1, service_burst=1)
    rates = Rates(tight)
    assert await admitted(rates, ANYBODY_HERE, HOME_PAGES, 100) == 100
    for endpoint in (HEALTH, LIVENESS, OPERATIONS, PUBLIC):
        assert await admitted(rates, WEB, endpoint, 100) == 100
    assert await admitted(Rates(replace(tight, keyless=True)), ANYBODY_HERE, HOME_PAGES, 100) == 1
    assert await admitted(Rates(), WEB, HOME_PAGES, 100) == 100


async def test_requests_at_once_share_one_lease() -> None:
    class Counted(MemoryBuckets):
        asked = 0

        def lease(self, *arguments: Any, **named: Any) -> Any:
            self.asked += 1
            time.sleep(0.01)
            return super().lease(*arguments, **named)

    store = Counted()
    rates = Rates(RateConfig(service_per_second=0), store)
    await asyncio.gather(*(rates.admit(WEB, HOME_PAGES) for _ in range(100)))
    assert store.asked == 1
    rates.close()


async def test_a_request_far_below_its_limit_waits_for_nobody() -> None:
    rates = Rates(RateConfig(), MemoryBuckets())
    seconds = []
    for _ in range(2_000):
        started = time.perf_counter()
        await rates.admit(WEB, HOME_PAGES)
        seconds.append(time.perf_counter() - started)
    assert median(seconds) < 50e-6
    rates.close()


@pytest.mark.parametrize("wrong", [{"home_burst": 0}, {"home_per_second": -1}, {"lease_seconds": -0.1}])
def test_a_limit_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RateConfig(**wrong)


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[tuple[Made, Admission, str]]:
    made, home = Made(), Home(tmp_path)
    key = create_key(home, "web", ["serve", "events"])
    rates = Rates(replace(FEW, home_per_second=0.5, home_burst=2))
    yield made, Admission(Keys.of(home), rates=rates), key
    rates.close()
    made.engine.close()


def refused() -> float:
    return REGISTRY.get_sample_value("marquee_rate_limited_total", {"class": "home", "limit": "key"}) or 0.0


async def test_over_http_it_is_a_429_in_the_one_shape_of_errors(limited: tuple[Made, Admission, str]) -> None:
    made, admission, key = limited
    edge = create_app(lambda: made.engine)
    edge.admission = admission
    before = refused()
    async with client_of(edge, headers={"authorization": f"Bearer {key}"}) as client:
        answers = [await client.get(HOME) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        error = error_of(answers[2], 429, "rate_limited")
        assert error["details"]["class"] == "home"
        assert answers[2].headers["retry-after"] == "2"
        assert answers[2].headers.get_list("ratelimit-limit") == ["2"]
        assert (await client.get("/healthz")).status_code == 200
        wrong = await client.get("/api/v1/recommendations", params={"count": 0})
        assert wrong.headers.get_list("ratelimit-limit") == ["1000"]
    assert refused() == before + 1


async def test_over_grpc_it_is_resource_exhausted_with_the_same_details(limited: tuple[Made, Admission, str]) -> None:
    made, admission, key = limited
    server = GrpcServer(made.engine, admission, "127.0.0.1", 0)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub, sent = MarqueeStub(channel), (("authorization", f"Bearer {key}"),)
            for _ in range(2):
                await stub.GetHome(messages.GetHomeRequest(), metadata=sent)
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await stub.GetHome(messages.GetHomeRequest(), metadata=sent)
            trailers = dict(refusal.value.trailing_metadata() or ())
            assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (trailers["x-error-code"], trailers["retry-after"]) == ("rate_limited", "2")
            assert trailers["ratelimit-remaining"] == "0"
            assert '"class": "home"' in trailers["x-error-details"]
    finally:
        await server.stop()


async def test_a_client_comes_back_when_it_is_told_to() -> None:
    from bento_services.client import Client

    replies = [
        httpx.Response(429, headers={"retry-after": "0"}, json={"error": {"code": "rate_limited"}}),
        httpx.Response(202, json={"accepted": 1, "receipt": "1-0", "event_ids": ["e"]}),
    ]
    with Client("http://x", transport=httpx.MockTransport(lambda request: replies.pop(0))) as client:
        assert client.send({"user_id": "u", "item_id": "v", "event": "click"}).accepted == 1
