"""The home page as a BentoML service: HTTP and gRPC in, one engine behind both, ready only when warm.

One process by default: `marquee serve` runs this service's ASGI application under uvicorn, `bentoml serve` under its
own arbiter. With MARQUEE_SPLIT=1 retrieval and ranking are services of their own, which `bentoml serve` starts, too.

A request goes edge -> route -> `Started()` -> Engine: BentoML wants the application before the service has started, so
the application holds the place of an engine that `start` fills.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import bentoml
import structlog

from bento_services.admission.admit import Admission
from bento_services.admission.hosts import is_loopback
from bento_services.admission.key_ring import KeyRing
from bento_services.admission.keys import check_bind
from bento_services.admission.rates import Rates
from bento_services.http.app import create_app
from bento_services.http.edge import Edge
from bento_services.process.open_engine import open_engine
from bento_services.process.ranking_service import QUIET, RUNNER_CONNECTION, RankingService
from bento_services.process.release_follower import ReleaseFollower
from bento_services.process.remote import Call, with_remote_models
from bento_services.process.retrieval_service import RetrievalService
from bento_services.process.started import Started
from bento_services.process.watch import Periodic, look_at_follower
from bento_services.rpc.service import GrpcServer
from bento_services.settings import Settings
from feature_repo.core import logs
from feature_repo.core.local_socket import Answers, LocalSocket
from feature_repo.core.metrics import QUESTION, told
from feature_repo.core.settings import MARQUEE_SPLIT
from models.release.artifact import Release

NEVER_SECONDS = 60  # after which BentoML would answer in its own shape; the edge does before (limits.answer_seconds)

report = structlog.get_logger("service")


class _Home:
    """What both forms share; the split form adds its dependencies. `home_service` makes a class of one of them."""

    started: ClassVar[Started]
    edge: ClassVar[Edge]

    def __init__(self) -> None:
        self.settings = Settings.from_environment()
        self._open = ExitStack()
        self._grpc: GrpcServer | None = None

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        logs.configure_once("service")  # here, because `bentoml serve` runs no code of ours before it
        settings, edge = self.settings, self.edge
        keys = KeyRing(settings.home)
        if not keys.current.closed:  # a service that comes back must not fail over keys: it admits nobody
            check_bind(settings.host, keys.current, insecure=settings.insecure)
        edge.admission = Admission(keys, is_loopback(settings.host), settings.limits)
        keys.follow()
        self._open.callback(keys.close)
        try:
            engine = self.started.engine = open_engine(settings, self._open, self.prepare)
            rates = Rates(settings.rates, engine.buckets)
            self._open.callback(rates.close)
            edge.admission = replace(edge.admission, rates=rates)
            await self._connect()
            await asyncio.to_thread(engine.warm_up)
            follower = None
            if settings.release is None:
                seconds = settings.service.follow_seconds
                follower = ReleaseFollower(engine, settings.home, seconds, settings.promotion)
                self._open.callback(follower.close)
            engine.process = self.started.name
            questions: Answers = {"status": engine.status, QUESTION: told}
            self._open.callback(LocalSocket(settings.home, engine.process, questions).close)
            look = Periodic("follower", partial(look_at_follower, follower, engine.health), seconds=1.0)
            self._open.callback(look.close)
            if settings.grpc_port is not None:
                self._grpc = GrpcServer(engine, edge.admission, settings.host, settings.grpc_port)
                self.started.grpc = self._grpc
                await self._grpc.start()
        except BaseException:
            self._open.close()
            raise
        gc.collect()
        gc.freeze()  # a full collection over what was loaded takes 180 ms, in the middle of somebody's page
        report.info("ready", release_id=engine.release_id, grpc_port=self._grpc.port if self._grpc else None)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def stop(self) -> None:
        if self._grpc is not None:
            await self._grpc.stop()
        self._open.close()

    async def __is_ready__(self) -> bool:
        return self.started.is_ready

    def prepare(self, release: Release) -> Release:
        return release

    async def _connect(self) -> None:
        """Nothing is elsewhere."""


class _SplitHome(_Home):
    retrieval = bentoml.depends(RetrievalService)
    ranking = bentoml.depends(RankingService)

    async def _connect(self) -> None:
        for service in (self.retrieval, self.ranking):
            await service.__aenter__()  # BentoML does so only after this start

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        await super().start()

    def prepare(self, release: Release) -> Release:
        seconds = self.settings.service.call_seconds
        retrieval, ranking = (_caller(service, self._loop, seconds) for service in (self.retrieval, self.ranking))
        return with_remote_models(release, retrieval, ranking)


def _caller(service: Any, loop: asyncio.AbstractEventLoop, seconds: float) -> Call:
    """Another service's API, called from a thread that makes a page; the connections live on the event loop."""
    client = service.to_async

    def call(api: str, *arguments: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(client.call(api, *arguments), loop).result(seconds)

    return call


def home_service(*, split: bool) -> Any:
    """The BentoML service: everything in one process, or with retrieval and ranking as services that it depends on."""
    form: type[_Home] = _SplitHome if split else _Home
    app = create_app(engine := Started())

    class HomeService(form):  # type: ignore[misc, valid-type]
        started = engine
        edge = app

    service = bentoml.service(
        HomeService,
        name="marquee",
        workers=1,
        threads=4,
        runner_connection=RUNNER_CONNECTION,
        traffic={"timeout": NEVER_SECONDS},
        metrics={"enabled": False},
        logging=QUIET,
    )
    service.add_asgi_middleware(InFront, edge=app)
    return service


def application(service: Any) -> Any:
    """The service as one ASGI application whose requests go straight to the edge: BentoML's layers around it, traces
    that it collects for nobody above all, cost a fifth of a cached page."""
    return InFront(service.to_asgi(), service.inner.edge)


class InFront:
    """The edge in front of BentoML's own addresses: whatever is asked over HTTP, it answers, in one shape.

    What BentoML would answer by itself is of another shape: an address that there is not, a path that it cannot match,
    a probe, work that takes too long.
    """

    def __init__(self, app: Any, edge: Edge) -> None:
        self._bentoml = app
        self._edge = edge

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (self._edge if scope["type"] == "http" else self._bentoml)(scope, receive, send)


def __getattr__(name: str) -> Any:
    """`HomeService`, made when it is first asked for: the environment says in which form, and an import reads none."""
    if name != "HomeService":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    service = globals()[name] = home_service(split=MARQUEE_SPLIT.get())  # BentoML looks for it among the module's names
    return service
