"""One engine, asked over HTTP and over gRPC: every surface, on every rung of its ladder, for every edge viewer, gives
the same answer: ids, order, scores, reasons, rung, certificate, warnings, cursor, and whatever else both say.

A rung is forced as a failing dependency forces it: the breakers of all rungs above it are open.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, NOW_US
from worlds.by_hand import MemoryLog
from worlds.http_api import client_of
from worlds.surfaces import USERS, VIDEOS

from bento_services.admission.admit import Admission
from bento_services.engine import Engine
from bento_services.feed.compose import Serving, compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.parts import Parts
from bento_services.feed.subject import example
from bento_services.feed.surfaces.registry import LISTED, SURFACES
from bento_services.http.app import create_app
from bento_services.process.edge_viewers import KINDS, USUAL, edge_users, edge_videos
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from bento_services.rpc.service import CODES, GrpcServer
from feature_repo.store.idempotency import MemoryAnswers
from feature_repo.store.memory import MemoryReader
from feature_repo.store.receipts import MemoryReceipts
from models.catalog import Subject

messages: Any = marquee_pb2
CONFIG = FeedConfig(
    deadline_ms=60_000,
    breaker_failures=1,
    breaker_seconds=1e9,
    page_cache_pages=0,
    list_share=1.0,
    segment_share=1.0,
    recall_share=0.0,
)
RECOMMENDATIONS = "/api/v1/recommendations"
LIMIT = 7
VIEWERS = (*KINDS, "")  # "": anonymous
# Of a page, what differs between two requests for the same.
OWN = ("stage_ms", "age_seconds")
RUNGS = [(surface, rung.name) for surface, recipe in SURFACES.items() for rung in recipe(CONFIG).ladder]


class Asked(NamedTuple):
    """One surface, over both protocols."""

    path: str
    params: Mapping[str, Any]
    method: str
    message: Any
    body: Any = None  # of a POST


def asked(
    surface: str, subject: Subject, viewer: str, cursor: str, personal: bool = False, viewers: tuple[str, ...] = ()
) -> Asked:
    """`viewers`: who watch together with `viewer`, where a surface may be asked for several."""
    ask = _asked(surface, subject, viewer, {"cursor": cursor} if cursor else {}, personal)
    if not viewers or surface in ("onboarding", "rank"):
        return ask
    ask.message.viewers.extend(viewers)
    return ask._replace(params={**ask.params, "viewers": ",".join(map(quote, viewers))})


def _asked(surface: str, subject: Subject, viewer: str, more: Mapping[str, str], personal: bool) -> Asked:
    who = {"user_id": viewer, "context": messages.Context(device="tv", country="DE")}
    if surface == "home":
        message = messages.GetHomeRequest(**who, limit=LIMIT, explain=True, **more)
        return Asked(f"{RECOMMENDATIONS}/home", {"limit": LIMIT, "explain": "true", **more}, "GetHome", message)
    if surface == "search":
        message = messages.SearchRequest(**who, q=subject.text, limit=LIMIT, **more)
        return Asked("/api/v1/search", {"q": subject.text, "limit": LIMIT, **more}, "Search", message)
    if surface == "similar":
        path = f"{RECOMMENDATIONS}/similar/{quote(subject.video_id)}"
        message = messages.GetSimilarRequest(**who, video_id=subject.video_id, limit=LIMIT, personal=personal, **more)
        flag = {"personal": "true"} if personal else {}
        return Asked(path, {"limit": LIMIT, **flag, **more}, "GetSimilar", message)
    if surface == "onboarding":
        return Asked("/api/v1/onboarding", {}, "GetOnboarding", messages.GetOnboardingRequest(**who))
    if surface == "rank":
        message = messages.RankVideosRequest(**who, video_ids=subject.video_ids)
        return Asked(f"{RECOMMENDATIONS}/rank", {}, "RankVideos", message, {"video_ids": list(subject.video_ids)})
    if surface == "up_next":
        said = {"current_video": subject.video_id, "watch_time": 30.0, "limit": LIMIT}
        return Asked(f"{RECOMMENDATIONS}/up-next", said, "GetUpNext", messages.GetUpNextRequest(**who, **said))
    assert surface in LISTED, f"{surface}: how is it asked for over HTTP and gRPC?"
    said = {"surface": surface, "category": subject.category, "count": LIMIT, **more}
    return Asked(RECOMMENDATIONS, said, "GetRecommendations", messages.GetRecommendationsRequest(**who, **said))


class Forced:
    """The engine's feed: on the rung that was asked for last."""

    def __init__(self) -> None:
        self.release = feed_world.with_all_sources(feed_world.big_release(), VIDEOS, USERS)
        videos = {**VIDEOS, **edge_videos(self.release, NOW_US)}
        self.reader = MemoryReader(BIG, edge_users(list(videos), NOW_US), videos)
        self._parts = Parts(self.release)
        self.feed = self._feed({})

    def force(self, surface: str, rung: str) -> Serving:
        serving = compose(self._parts, SURFACES[surface](CONFIG))
        for above in serving.ladder:
            if above.name == rung:
                break
            above.breaker.failed()
        self.feed.close()
        self.feed = self._feed({surface: serving})
        return serving

    def _feed(self, servings: Mapping[str, Serving]) -> Feed:
        return Feed(self.release, self.reader, None, CONFIG, lambda: NOW_US, lambda release: servings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.feed, name)


class Service(NamedTuple):
    """One engine, and both ways to it."""

    forced: Forced
    http: httpx.AsyncClient
    stub: Any

    async def over_http(self, ask: Asked, viewer: str, request_id: str) -> dict[str, Any]:
        headers = {"X-Request-Id": request_id, "X-Context": json.dumps({"device": "tv", "country": "DE"})}
        headers |= {"X-User-Id": viewer} if viewer else {}
        method = "GET" if ask.body is None else "POST"
        sent = {} if ask.body is None else {"json": ask.body}
        reply = await self.http.request(method, ask.path, params=dict(ask.params), headers=headers, **sent)
        if reply.is_success:
            found: dict[str, Any] = reply.json()
            return {name: value for name, value in found.items() if name not in OWN}
        return {"refused": CODES[reply.status_code], "code": reply.json()["error"]["code"]}

    async def over_grpc(self, ask: Asked, request_id: str) -> dict[str, Any]:
        try:
            reply = await getattr(self.stub, ask.method)(ask.message, metadata=(("x-request-id", request_id),))
        except grpc.aio.AioRpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            return {"refused": error.code(), "code": trailers["x-error-code"]}
        return {name: value for name, value in _as_http(reply).items() if name not in OWN}


@pytest.fixture(scope="module")
def forced() -> Iterator[Forced]:
    forced = Forced()
    yield forced
    forced.feed.close()


@pytest.fixture
async def service(forced: Forced) -> AsyncIterator[Service]:
    engine = Engine(
        forced.release,
        forced.reader,
        MemoryLog(),  # type: ignore[arg-type]
        MemoryAnswers(),
        MemoryReceipts(),
        make_feed=lambda release, reader, log: forced,
    )
    engine.ready = True
    server = GrpcServer(engine, Admission(), "127.0.0.1", 0)
    await server.start()
    async with (
        client_of(create_app(lambda: engine)) as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield Service(forced, http, MarqueeStub(channel))
    await server.stop()
    engine.close()


@pytest.mark.parametrize(("surface", "rung"), RUNGS, ids=lambda value: str(value))
async def test_both_answer_the_same(service: Service, surface: str, rung: str) -> None:
    serving = service.forced.force(surface, rung)
    subject = example(serving.names, service.forced.reader.snapshot())
    answered = set()
    for viewer in VIEWERS:
        service.forced.reader.down = rung == "static" and viewer != USUAL  # who cannot be read, and who can
        first = asked(surface, subject, viewer, "", personal=rung == "personal")
        answered.add(await _same(service, first, viewer))
        page = await service.over_http(first, viewer, f"{viewer}-1")
        if cursor := page.get("cursor"):
            await _same(service, asked(surface, subject, viewer, cursor, rung == "personal"), viewer)
    assert rung in answered


@pytest.mark.parametrize("surface", SURFACES)
async def test_both_answer_several_viewers_the_same(service: Service, surface: str) -> None:
    subject = example(service.forced.force(surface, "").names, service.forced.reader.snapshot())
    for viewer, viewers in ((USUAL, ("u,1", *KINDS)), ("", KINDS[:2]), (USUAL, (USUAL,)), (USUAL, tuple("abcdefgh"))):
        await _same(service, asked(surface, subject, viewer, "", viewers=viewers[:8]), viewer)


async def _same(service: Service, ask: Asked, viewer: str) -> str:
    """The rung that answered, or the code of the refusal."""
    request_id = f"{viewer}-1" if viewer else "nobody-1"
    await service.over_http(ask, viewer, request_id)  # finds out which lists are missing,
    service.forced.feed.settle()  # which are made before the same is asked twice
    over_http = await service.over_http(ask, viewer, request_id)
    over_grpc = await service.over_grpc(ask, request_id)
    assert over_grpc == over_http, viewer
    assert not [warning for warning in over_http.get("warnings", ()) if " failed at " in warning]
    return str(over_http.get("served_by") or over_http["code"])


def _as_http(message: Any) -> dict[str, Any]:
    """A message in the words of HTTP: its texts of JSON read, its 64-bit numbers as numbers, null for what is empty."""
    found: dict[str, Any] = _plain(
        MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    )
    if "cursor" in found:
        found["cursor"] = found["cursor"] or None
    if message.DESCRIPTOR.name == "UpNext":
        found.setdefault("up_next", None)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, one in value.items():
        if name.endswith("_json"):
            found[name.removesuffix("_json")] = json.loads(one) if one else None
        else:
            found[name] = int(one) if name == "view_count" else _plain(one)
    return found
