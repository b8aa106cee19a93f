"""The home page as a BentoML service: HTTP and gRPC in, one engine behind both, ready only when warm.

One process by default: `marquee serve` runs this class's ASGI application under uvicorn, `bentoml serve` under its own
arbiter. With MARQUEE_SPLIT=1 retrieval and ranking are services of their own, which `bentoml serve` then starts too.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
from contextlib import ExitStack
from typing import Any

import bentoml
import structlog

from bento_services.admission.admit import Admission
from bento_services.admission.keys import Keys, check_bind, is_loopback
from bento_services.engine import Engine
from bento_services.http.app import create_app
from bento_services.process.ranking_service import QUIET, RUNNER_CONNECTION, RankingService, RemoteRanker
from bento_services.process.retrieval_service import RemoteIndex, RemoteRetrieval, RetrievalService
from bento_services.rpc.service import GrpcServer
from bento_services.settings import Settings
from feature_repo.core.settings import MARQUEE_SPLIT
from feature_repo.store.connect import connect
from feature_repo.store.idempotency import ValkeyAnswers
from feature_repo.store.reader import OnlineReader
from feature_repo.store.receipts import ValkeyReceipts
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.open import open_event_log
from models.release.artifact import Release, load_champion, load_release

report = structlog.get_logger("service")

STORE_TIMEOUT_SECONDS = 0.5  # of answers and receipts; the reader has times of its own
CALL_SECONDS = 5.0  # the first call of a release loads it; the feed's breaker takes care of a service that is gone

_engine: Engine | None = None


def _current() -> Engine:
    assert _engine is not None, "asked before the service has started"
    return _engine


edge = create_app(_current)


class _Home:
    """What both forms share; the split form adds its dependencies."""

    def __init__(self) -> None:
        self.settings = Settings.from_environment()
        self._open = ExitStack()
        self._grpc: GrpcServer | None = None

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        global _engine
        settings = self.settings
        keys = Keys.of(settings.home)
        check_bind(settings.host, keys, insecure=settings.insecure)
        edge.admission = Admission(keys, is_loopback(settings.host))
        try:
            _engine = self._engine()
            self._open.callback(_engine.close)
            await self._connect()
            await asyncio.to_thread(_engine.warm_up)
            if settings.release is None:
                _engine.follow(settings)
            if settings.grpc_port is not None:
                self._grpc = GrpcServer(_engine, edge.admission, settings.host, settings.grpc_port)
                await self._grpc.start()
        except BaseException:
            self._open.close()
            raise
        gc.collect()
        gc.freeze()  # a full collection over what was loaded takes 180 ms, in the middle of somebody's page
        report.info("ready", release_id=_engine.release_id, grpc_port=self._grpc.port if self._grpc else None)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def stop(self) -> None:
        if self._grpc is not None:
            await self._grpc.stop()
        self._open.close()

    async def __is_ready__(self) -> bool:
        return _engine is not None and _engine.ready

    def prepare(self, release: Release) -> Release:
        return release

    async def _connect(self) -> None:
        """Nothing is elsewhere."""

    def _engine(self) -> Engine:
        settings = self.settings
        problems: list[str] = []
        if settings.release is not None:
            release = load_release(settings.release)
        else:
            release, problems = load_champion(settings.home)
        for problem in problems:
            report.error("release refused", why=problem)
        url = self._open.enter_context(online_store(settings.home))
        store = connect(url, STORE_TIMEOUT_SECONDS)
        self._open.callback(store.close)
        return Engine(
            release,
            reader=OnlineReader(url, release.world),
            log=open_event_log(url, settings.kafka),
            answers=ValkeyAnswers(store),
            receipts=ValkeyReceipts(store),
            problems=problems,
            prepare=self.prepare,
        )


class _Caller:
    """Another service's API, called from a thread that makes a page; the connections live on the event loop."""

    def __init__(self, service: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client = service.to_async
        self._loop = loop

    def __call__(self, name: str, *arguments: Any) -> Any:
        answer = asyncio.run_coroutine_threadsafe(self._client.call(name, *arguments), self._loop)
        return answer.result(CALL_SECONDS)


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
        """The same release with the two models in the processes of their own services, which load it by its id."""
        call = _Caller(self.retrieval, self._loop)
        retrieval: Any = RemoteRetrieval(release.retrieval, call, release.release_id)
        index: Any = RemoteIndex(release.index, call, release.release_id)
        return dataclasses.replace(
            release,
            retrieval=retrieval,
            index=index,
            ranker=RemoteRanker.of(release.ranker, _Caller(self.ranking, self._loop), release.release_id),
        )


class _HomeService(_SplitHome if MARQUEE_SPLIT.get() else _Home):  # type: ignore[misc]  # BentoML wants one at import
    pass


HomeService = bentoml.service(
    bentoml.asgi_app(edge, path="/")(_HomeService),
    name="marquee",
    workers=1,
    threads=4,
    runner_connection=RUNNER_CONNECTION,
    traffic={"timeout": 10},
    metrics={"enabled": False},
    logging=QUIET,
)
