"""People over HTTP and gRPC: the same answers, the same refusals, by a process of its own over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import client_of, error_of
from worlds.live import valkey

from bento_services.admission.admit import Admission
from bento_services.admission.key_file import create_key, token_of
from bento_services.admission.keys import Keys
from bento_services.http.app import create_app
from bento_services.people import verbs
from bento_services.people.verbs import RUNNING
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import GrpcServer
from feature_repo.core.home import Home
from feature_repo.store.connect import connect
from feature_repo.store.layout import USER_IDS

messages: Any = marquee_pb2
VIEWER = "/api/v1/viewers/Zo%C3%AB%2F1"  # Zoë/1


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return catalog_home(tmp_path / "home")


@pytest.fixture
def url(home: Home) -> Iterator[str]:
    with valkey(home.valkey) as address:
        yield address


@pytest.fixture
def made(home: Home, url: str) -> Iterator[Made]:
    made = Made(home)
    yield made
    made.engine.close()


@pytest.fixture
async def http(made: Made) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(lambda: made.engine), timeout=30) as client:
        yield client


async def test_a_viewer_is_given_out_erased_and_unknown_afterwards(http: httpx.AsyncClient, url: str) -> None:
    store = connect(url, 5.0)
    store.sadd(USER_IDS, "Zoë/1")
    store.hset("marquee:folded:e1", "Zoë/1", 5)
    exported = (await http.get(f"{VIEWER}/export")).json()
    assert exported["viewer"] == "Zoë/1"
    assert exported["holders"] == {"online store": {"marks": ["e1"]}}
    reply = await http.delete(VIEWER)
    receipt = reply.json()
    assert (reply.status_code, receipt["removed"], receipt["left"], receipt["known"]) == (200, 2, 0, True)
    assert receipt["holders"][0] == {
        "name": "online store",
        "removed": {"lists of viewers": 1, "marks": 1},
        "left": {},
        "why": "",
    }
    assert not store.sismember(USER_IDS, "Zoë/1")
    assert (await http.delete(VIEWER)).json()["known"] is False
    store.close()


async def test_consent_is_asked_in_plain_words(http: httpx.AsyncClient) -> None:
    refused = (await http.put(f"{VIEWER}/consent", json={"personal_pages": False})).json()
    assert (refused["personal_pages"], refused["erasure"]["known"]) == (False, False)
    assert (await http.get(f"{VIEWER}/export")).json()["personal_pages"] is False
    agreed = (await http.put(f"{VIEWER}/consent", json={"personal_pages": True})).json()
    assert agreed == {"personal_pages": True, "changed": True, "erasure": None}
    wrong: tuple[Any, ...] = ({}, {"personal_pages": "no"}, {"personal_pages": False, "other": 1}, [])
    for body in wrong:
        error_of(await http.put(f"{VIEWER}/consent", json=body), 400, "malformed")
    assert (await http.get(f"{VIEWER}/export")).json()["personal_pages"] is True


async def test_grpc_answers_what_http_answers(made: Made, http: httpx.AsyncClient, url: str) -> None:
    server = GrpcServer(made.engine, Admission(), "127.0.0.1", 0)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = MarqueeStub(channel)
            store = connect(url, 5.0)
            store.sadd(USER_IDS, "u7")
            store.close()
            erased = MessageToDict(await stub.EraseViewer(messages.ViewerRequest(user_id="u7")))
            assert (erased["removed"], erased["known"]) == ("1", True)
            consent = await stub.SetConsent(messages.ConsentRequest(user_id="u7"))
            assert (consent.personal_pages, consent.HasField("erasure")) == (False, True)
            exported = await stub.ExportViewer(messages.ViewerRequest(user_id="u7"))
            found = (await http.get("/api/v1/viewers/u7/export")).json()
            assert (exported.viewer, exported.personal_pages) == ("u7", found["personal_pages"]) == ("u7", False)
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await stub.EraseViewer(messages.ViewerRequest())
            assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    finally:
        await server.stop()


async def test_keys_may_erase_with_admin_and_say_no_for_whom_they_act(home: Home, made: Made) -> None:
    serve, admin = create_key(home, "web", ["serve", "events"]), create_key(home, "ops", ["admin"])
    create_key(home, "app", ["events"], "token")
    token = token_of(home, "app", "u1", timedelta(hours=1))
    edge = create_app(lambda: made.engine)
    edge.admission = Admission(Keys.of(home))

    async def asked(key: str, method: str, path: str, body: Any = None) -> int:
        async with client_of(edge, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
            return (await client.request(method, path, json=body)).status_code

    assert await asked(serve, "DELETE", "/api/v1/viewers/u1") == 403
    assert await asked(serve, "GET", "/api/v1/viewers/u1/export") == 403
    assert await asked(admin, "DELETE", "/api/v1/viewers/u1") == 200
    assert await asked(token, "PUT", "/api/v1/viewers/u2/consent", {"personal_pages": False}) == 403
    assert await asked(token, "PUT", "/api/v1/viewers/u1/consent", {"personal_pages": False}) == 200


async def test_an_erasure_that_takes_long_goes_on_without_its_caller(
    http: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "ANSWER_SECONDS", 0.01)
    assert (await http.delete(VIEWER)).json()["ended"] == RUNNING.ended == ""
    reply = await http.delete("/api/v1/viewers/another")
    assert reply.json().get("ended", "") == ""
    await asyncio.sleep(5.0)  # both end, or the second is refused in the log


async def test_a_service_without_a_home_says_so() -> None:
    made = Made()
    async with client_of(create_app(lambda: made.engine)) as client:
        error_of(await client.delete(VIEWER), 503, "unavailable")
    made.engine.close()
